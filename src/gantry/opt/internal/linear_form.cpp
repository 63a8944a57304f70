// Additions, and multiplications by constants, are taken apart; all other values are terms. Terms
// are the same if they are one value, or one pure operation on operands that are the same, which
// again are sums. Recursion ends where the fuel of one question does; what is not found out is "not
// the same".
#include "gantry/opt/internal/linear_form.h"

namespace gantry::opt {

using ir::Inst;
using ir::Opcode;
using ir::Value;

namespace {
constexpr u32 kMaxDepth = 8;  // of additions taken apart
}

bool LinearForms::varies(Value value) const {
  const ir::ValueDef def = dfg_.def(value);
  ir::Block block;
  if (def.kind == ir::ValueData::Kind::Param) {
    block = def.block();
  } else {
    const PackedOption<ir::Block> found = func_.layout.block_of(def.inst());
    if (!found) return false;
    block = *found;
  }
  return block.index() < is_inside_.size() && is_inside_[block.index()];
}

std::optional<Value> LinearForms::replacement(Value value, const Value* args) const {
  const ir::ValueDef def = dfg_.def(value);
  if (args == nullptr || def.kind != ir::ValueData::Kind::Param || def.block() != head_)
    return std::nullopt;
  return dfg_.resolve(args[def.number]);
}

std::optional<u64> LinearForms::constant(Value value) const {
  const std::optional<Inst> def = dfg_.defining_inst(value);
  if (!def || dfg_.opcode(*def) != Opcode::Iconst) return std::nullopt;
  return dfg_[*def].wide();
}

bool LinearForms::is_pure(Inst inst) const {
  const ir::InstFacts& facts = ir::inst_facts(dfg_.opcode(inst));
  return facts.effects == meta::Effects{} && facts.num_fixed_results == 1 && !facts.has_list;
}

LinearForm LinearForms::form_of(Value value, const Value* args) {
  fuel_ = kFuel;
  return make(value, args);
}

std::optional<u64> LinearForms::distance(const LinearForm& a, const Value* args,
                                         const LinearForm& b) {
  fuel_ = kFuel;
  return match(a, args, b);
}

LinearForm LinearForms::make(Value value, const Value* args, u32 depth) {
  LinearForm form;
  form.type = dfg_.type(value);
  if (!is_linear(form.type)) return form;
  form.is_known = true;
  add(value, 1, args, form, depth);
  u32 kept = 0;
  for (u32 i = 0; i < form.count; ++i) {
    form.terms[i].factor &= form.mask();
    if (form.terms[i].factor != 0) form.terms[kept++] = form.terms[i];
  }
  form.count = kept;
  form.constant &= form.mask();
  return form;
}

void LinearForms::add_term(Value value, u64 factor, bool replaced, LinearForm& form) {
  for (u32 i = 0; i < form.count; ++i) {
    if (form.terms[i].value != value || form.terms[i].replaced != replaced) continue;
    form.terms[i].factor += factor;
    return;
  }
  if (form.count == LinearForm::kMaxTerms) {
    form.is_known = false;
  } else {
    form.terms[form.count++] = {value, factor, replaced};
  }
}

void LinearForms::add(Value value, u64 factor, const Value* args, LinearForm& form, u32 depth) {
  value = dfg_.resolve(value);
  if (const std::optional<Value> other = replacement(value, args)) {
    value = *other;
    args = nullptr;
  }
  const std::optional<Inst> def = dfg_.defining_inst(value);
  if (def && depth < kMaxDepth && fuel_ != 0) {
    --fuel_;
    const ir::InstData& data = dfg_[*def];
    switch (data.opcode) {
      case Opcode::Iconst:
        form.constant += factor * data.wide();
        return;
      case Opcode::Iadd:
        add(data.arg(0), factor, args, form, depth + 1);
        add(data.arg(1), factor, args, form, depth + 1);
        return;
      case Opcode::Isub:
        add(data.arg(0), factor, args, form, depth + 1);
        add(data.arg(1), 0 - factor, args, form, depth + 1);
        return;
      case Opcode::Ineg:
        add(data.arg(0), 0 - factor, args, form, depth + 1);
        return;
      case Opcode::Imul:
        if (const std::optional<u64> times = constant(data.arg(1))) {
          add(data.arg(0), factor * *times, args, form, depth + 1);
          return;
        }
        break;
      case Opcode::Ishl:
        if (const std::optional<u64> amount = constant(data.arg(1))) {
          add(data.arg(0), factor << (*amount & (dfg_.type(value).bits() - 1)), args, form,
              depth + 1);
          return;
        }
        break;
      case Opcode::Ireduce:
        // The form's modulus divides that of the wider sum: its terms may be of wider types.
        if (is_linear(dfg_.type(data.arg(0)))) {
          add(data.arg(0), factor, args, form, depth + 1);
          return;
        }
        break;
      case Opcode::Uextend:
      case Opcode::Sextend:
        // Of a number that only the arguments make a constant. Others are terms as they are.
        if (args != nullptr) {
          const LinearForm operand = make(data.arg(0), args, depth + 1);
          if (operand.is_known && operand.count == 0) {
            const u32 unused = 64 - operand.type.bits();
            const i64 high = static_cast<i64>(operand.constant << unused);
            form.constant +=
                factor * (data.opcode == Opcode::Sextend ? static_cast<u64>(high >> unused)
                                                         : operand.constant);
            return;
          }
        }
        break;
      default:
        break;
    }
  }
  add_term(value, factor, args != nullptr && varies(value), form);
}

std::optional<u64> LinearForms::match(const LinearForm& a, const Value* args, const LinearForm& b) {
  if (!a.is_known || !b.is_known || a.count != b.count || a.type != b.type) return std::nullopt;
  u32 taken = 0;
  for (u32 i = 0; i < a.count; ++i) {
    const LinearForm::Term& term = a.terms[i];
    u32 at = 0;
    for (; at < b.count; ++at) {
      if ((taken >> at & 1) != 0 || b.terms[at].factor != term.factor) continue;
      // Equal operations on equal operands are one value already.
      if (term.replaced ? is_same_operation(term.value, args, b.terms[at].value)
                        : term.value == b.terms[at].value)
        break;
    }
    if (at == b.count) return std::nullopt;
    taken |= 1u << at;
  }
  return (b.constant - a.constant) & a.mask();
}

bool LinearForms::is_same(Value a, const Value* args, Value b) {
  a = dfg_.resolve(a);
  b = dfg_.resolve(b);
  if (const std::optional<Value> other = replacement(a, args)) {
    a = *other;
    args = nullptr;
  }
  if (args != nullptr && !varies(a)) args = nullptr;
  if (args == nullptr && a == b) return true;
  const ir::Type type = dfg_.type(a);
  if (type != dfg_.type(b)) return false;
  if (is_linear(type)) return match(make(a, args), args, make(b, nullptr)) == 0;
  return is_same_operation(a, args, b);
}

bool LinearForms::is_same_operation(Value a, const Value* args, Value b) {
  if (fuel_ == 0) return false;
  --fuel_;
  const std::optional<Inst> a_inst = dfg_.defining_inst(a), b_inst = dfg_.defining_inst(b);
  if (!a_inst || !b_inst || !is_pure(*a_inst)) return false;
  const ir::InstData &x = dfg_[*a_inst], &y = dfg_[*b_inst];
  if (x.opcode != y.opcode || x.aux != y.aux || x.flags != y.flags || dfg_.type(a) != dfg_.type(b))
    return false;
  const u32 count = ir::inst_facts(x.opcode).num_fixed_values;
  for (u32 i = count; i < 3; ++i) {
    if (x.words[i] != y.words[i]) return false;
  }
  for (u32 i = 0; i < count; ++i) {
    if (!is_same(x.arg(i), args, y.arg(i))) return false;
  }
  return true;
}

}  // namespace gantry::opt
