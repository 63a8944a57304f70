// Parameters and results are assigned left to right, integers and floats each from their own
// registers; what finds none goes to 8-byte slots of the stack (16 for 16-byte types). An i128 of
// system_v is never split between a register and the stack; tail and fast place its halves on their
// own. Results beyond the registers go to an area whose address is the hidden first argument, if
// the settings allow it.
#include "gantry/isa/x64/abi.h"

#include "gantry/meta/codes.h"
#include "gantry/support/limits.h"
#include "gantry/support/text_writer.h"

namespace gantry::isa::x64 {
namespace {

constexpr PReg kIntArgs[] = {kRdi, kRsi, kRdx, kRcx, kR8, kR9};
constexpr PReg kIntReturns[] = {kRax, kRdx, kRcx};  // the third only with the extensions of LLVM
constexpr PReg kWindowsIntArgs[] = {kRcx, kRdx, kR8, kR9};
constexpr u32 kWindowsHomeBytes = 32;  // above the return address, for the callee to use
constexpr PRegSet kWindowsSaved = {kRbx,    kRbp,    kRsi,    kRdi,    kR12,    kR13,
                                   kR14,    kR15,    xmm(6),  xmm(7),  xmm(8),  xmm(9),
                                   xmm(10), xmm(11), xmm(12), xmm(13), xmm(14), xmm(15)};
constexpr PRegSet kWindowsClobbers = {kRax,   kRcx,   kRdx,   kR8,    kR9,    kR10,  kR11,
                                      xmm(0), xmm(1), xmm(2), xmm(3), xmm(4), xmm(5)};
constexpr PReg kTailIntReturns[] = {kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9, kR10};
constexpr u32 kNumAllocatableInts = 15;  // all but rsp
constexpr PReg kIntsUnpinnedExtra[] = {kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9, kR10, kR11};
// rbx and rbp first: they are pushed in one byte.
constexpr PReg kIntsKept[] = {kRbx, kRbp, kR12, kR13, kR14, kR15};
constexpr PReg kIntsKeptFramed[] = {kRbx, kR12, kR13, kR14, kR15};
constexpr PReg kIntsKeptPinned[] = {kRbx, kRbp, kR12, kR13, kR14};
constexpr PReg kIntsKeptPinnedFramed[] = {kRbx, kR12, kR13, kR14};
constexpr PReg kFloats[] = {xmm(0), xmm(1), xmm(2),  xmm(3),  xmm(4),  xmm(5),  xmm(6),  xmm(7),
                            xmm(8), xmm(9), xmm(10), xmm(11), xmm(12), xmm(13), xmm(14), xmm(15)};
static_assert(kNumAllocatableInts == std::size(kIntsUnpinnedExtra) + std::size(kIntsKept));

Error unsupported(std::string_view what, ir::Type type) {
  TextWriter text;
  text.write(what);
  if (type.is_valid()) {
    text.write(' ');
    ir::write_type(type, text);
  }
  return Error(ErrorKind::Unsupported, text.view());
}

// Hands out registers and stack slots in order.
struct Assigner {
  std::span<const PReg> ints;
  std::span<const PReg> floats;
  u32 next_int = 0;
  u32 next_float = 0;
  u64 stack = 0;
  bool by_position = false;  // argument n has register n of its kind, whatever kinds came before

  bool take_reg(bool is_float, PReg& reg) {
    u32& next = is_float ? next_float : next_int;
    const std::span<const PReg> regs = is_float ? floats : ints;
    if (next >= regs.size()) return false;
    reg = regs[next++];
    if (by_position) next_int = next_float = next;
    return true;
  }
  u32 take_stack(u64 bytes, u32 align) {
    stack = (stack + align - 1) & ~u64{align - 1};
    const u64 at = stack;
    stack += (bytes + 7) & ~u64{7};
    return static_cast<u32>(at);
  }
};

void place_word(Assigner& assign, Place place, std::vector<Place>& out) {
  const bool is_float = place.type.is_float() || place.type.is_vector();
  if (assign.take_reg(is_float, place.reg)) {
    place.kind = Place::Kind::Reg;
  } else {
    const u32 bytes = std::max(8u, place.type.bytes());
    place.kind = Place::Kind::Stack;
    place.offset = assign.take_stack(bytes, bytes);
  }
  out.push_back(place);
}

Result<void> place_values(std::span<const ir::AbiParam> values, ir::CallConv call_conv,
                          const AbiOptions& options, Assigner& assign, std::vector<Place>& out) {
  for (usize i = 0; i < values.size(); ++i) {
    const ir::AbiParam& param = values[i];
    Place place;
    place.value = static_cast<u32>(i);
    place.type = param.type;
    place.extension = param.extension;
    if (param.purpose == ir::ArgPurpose::StructArg) {
      if (param.type != ir::kI64)
        return unsupported("struct argument whose pointer has the type", param.type);
      place.kind = Place::Kind::StructCopy;
      place.size = param.struct_size;
      place.offset = assign.take_stack(param.struct_size, 8);
      out.push_back(place);
      continue;
    }
    if (param.type == ir::kI128) {
      if (call_conv != ir::CallConv::Tail && !options.llvm_extensions) {
        return unsupported("without enable_llvm_abi_extensions no signature may have the type",
                           ir::kI128);
      }
      place.type = ir::kI64;
      Place high = place;
      high.high = true;
      const bool together = call_conv == ir::CallConv::SystemV;
      if (together && assign.next_int + 2 > assign.ints.size()) {
        assign.next_int = std::min<u32>(assign.next_int + 2, static_cast<u32>(assign.ints.size()));
        place.kind = high.kind = Place::Kind::Stack;
        place.offset = assign.take_stack(16, 16);
        high.offset = place.offset + 8;
        out.push_back(place);
        out.push_back(high);
        continue;
      }
      place_word(assign, place, out);
      place_word(assign, high, out);
      continue;
    }
    const bool known = param.type.is_int() || param.type == ir::kF32 || param.type == ir::kF64 ||
                       (param.type.is_vector() && param.type.bits() == 128);
    if (!known) return unsupported("no calling convention rule for the type", param.type);
    place_word(assign, place, out);
  }
  return {};
}

// What 64 bits cannot hold travels by reference, and several results have no rule of their own.
Result<void> check_windows(const ir::Signature& signature) {
  for (const std::vector<ir::AbiParam>* list : {&signature.params, &signature.returns}) {
    for (const ir::AbiParam& param : *list) {
      if (param.type.bits() > 64 || param.purpose == ir::ArgPurpose::StructArg) {
        return unsupported(
            "windows_fastcall: passed by reference, which is not supported: the type", param.type);
      }
    }
  }
  if (signature.returns.size() > 1) return unsupported("windows_fastcall with several results", {});
  return {};
}

}  // namespace

const regalloc::MachineEnv& machine_env(bool pinned, bool framed) {
  static constexpr regalloc::MachineEnv kEnvs[] = {
      {.preferred = {kIntsUnpinnedExtra, kFloats, {}}, .non_preferred = {kIntsKept, {}, {}}},
      {.preferred = {kIntsUnpinnedExtra, kFloats, {}}, .non_preferred = {kIntsKeptFramed, {}, {}}},
      {.preferred = {kIntsUnpinnedExtra, kFloats, {}}, .non_preferred = {kIntsKeptPinned, {}, {}}},
      {.preferred = {kIntsUnpinnedExtra, kFloats, {}},
       .non_preferred = {kIntsKeptPinnedFramed, {}, {}}}};
  return kEnvs[(pinned ? 2 : 0) + (framed ? 1 : 0)];
}

Result<void> lay_out(const ir::Signature& signature, const AbiOptions& options, AbiSignature& out) {
  out.params.clear();
  out.returns.clear();
  out.return_area_bytes = 0;
  out.has_return_area = false;
  out.call_conv = signature.call_conv;
  switch (signature.call_conv) {
    case ir::CallConv::Fast:
    case ir::CallConv::SystemV:
    case ir::CallConv::Tail:
    case ir::CallConv::PreserveAll:
    case ir::CallConv::WindowsFastcall:
      break;
    default: {
      TextWriter text;
      text.put("calling convention ", meta::kCallConvs[static_cast<u32>(signature.call_conv)].name,
               " on x86-64");
      return Error(ErrorKind::Unsupported, text.view());
    }
  }
  const bool tail = signature.call_conv == ir::CallConv::Tail;
  out.callee_pops = tail;
  const bool windows = signature.call_conv == ir::CallConv::WindowsFastcall;
  const bool preserve_all = signature.call_conv == ir::CallConv::PreserveAll;
  out.clobbers = preserve_all ? PRegSet() : windows ? kWindowsClobbers : kCallerSaved;
  out.saved = preserve_all ? kAllRegs : windows ? kWindowsSaved : kCalleeSavedGprs;
  if (windows) GANTRY_TRY(check_windows(signature));

  const std::span<const PReg> floats(kFloats, tail ? 8 : windows ? 1 : 2);
  Assigner results{tail ? std::span<const PReg>(kTailIntReturns)
                        : std::span<const PReg>(kIntReturns, windows                   ? 1
                                                             : options.llvm_extensions ? 3
                                                                                       : 2),
                   floats};
  GANTRY_TRY(place_values(signature.returns, signature.call_conv, options, results, out.returns));
  if (results.stack != 0) {
    if (!options.multi_ret_implicit_sret) {
      return Error(ErrorKind::Unsupported,
                   "more results than registers need the setting enable_multi_ret_implicit_sret");
    }
    out.has_return_area = true;
    out.return_area_bytes = static_cast<u32>((results.stack + 15) & ~u64{15});
  }

  Assigner params{kIntArgs, std::span<const PReg>(kFloats, 8)};
  if (windows)
    params = {kWindowsIntArgs, std::span<const PReg>(kFloats, 4), 0, 0, kWindowsHomeBytes, true};
  if (out.has_return_area) ++params.next_int;
  GANTRY_TRY(place_values(signature.params, signature.call_conv, options, params, out.params));
  if (params.stack > limits::kMaxArgAreaBytes.value ||
      results.stack > limits::kMaxArgAreaBytes.value) {
    return Error(ErrorKind::LimitExceeded,
                 "max-arg-area-bytes: the arguments or results of a call take too much stack");
  }
  out.stack_arg_bytes = static_cast<u32>((params.stack + 15) & ~u64{15});
  return {};
}

}  // namespace gantry::isa::x64
