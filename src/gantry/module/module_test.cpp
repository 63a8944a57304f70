#include "gantry/module/module.h"

#include <gtest/gtest.h>

namespace gantry::module {
namespace {

target::CompiledCode code_with(std::vector<target::Reloc> relocs) {
  target::CompiledCode code;
  code.code = {0xe8, 0, 0, 0, 0, 0xc3};
  code.relocs = std::move(relocs);
  return code;
}
constexpr auto no_names = [](ir::ExternalName) -> Result<Symbol> {
  return Error(ErrorKind::Invalid, "no such name");
};

TEST(Module, declarations_merge) {
  Module module;
  const Symbol f = *module.declare_function("f", Linkage::Import);
  EXPECT_EQ(*module.declare_function("f", Linkage::Export), f);
  EXPECT_EQ(*module.declare_function("f", Linkage::Local), f);
  EXPECT_EQ(module.symbols()[f].linkage, Linkage::Export);
  EXPECT_EQ(module.find("f"), f);
  EXPECT_EQ(module.find("g"), std::nullopt);
  EXPECT_FALSE(module.declare_data("f", Linkage::Export, false, false).has_value());
  ASSERT_TRUE(module.declare_data("d", Linkage::Local, true, false).has_value());
  EXPECT_FALSE(module.declare_data("d", Linkage::Local, false, false).has_value());
  EXPECT_NE(*module.declare_function("", Linkage::Local),
            *module.declare_function("", Linkage::Local));
  EXPECT_FALSE(module.declare_function("", Linkage::Export).has_value());
  EXPECT_FALSE(module.declare_function(std::string_view("a\0b", 3), Linkage::Export).has_value());
  for (u32 i = 0; i < 1000; ++i)
    ASSERT_TRUE(module.declare_function(std::to_string(i), Linkage::Local).has_value());
  for (u32 i = 0; i < 1000; ++i)
    EXPECT_EQ(module.symbols()[*module.find(std::to_string(i))].name, std::to_string(i));
}

TEST(Module, definitions_are_checked) {
  Module module;
  const Symbol f = *module.declare_function("f", Linkage::Export);
  const Symbol import = *module.declare_function("import", Linkage::Import);
  const Symbol d = *module.declare_data("d", Linkage::Local, true, false);
  const auto to_import = [&](ir::ExternalName) -> Result<Symbol> { return import; };
  using target::RelocKind;

  const Result<void> missing = module.check_complete();
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message(), "no definition of `f`");
  EXPECT_FALSE(module.define_function(import, code_with({}), no_names).has_value());
  EXPECT_FALSE(module.define_function(d, code_with({}), no_names).has_value());
  EXPECT_FALSE(module.define_function(
      f, code_with({{3, RelocKind::X86CallPLTRel4, false, 0, {}, -4}}), to_import));
  EXPECT_FALSE(module.define_function(
      f, code_with({{1, RelocKind::X86CallPLTRel4, true, 7, {}, -4}}), to_import));
  EXPECT_FALSE(module.define_function(
      f, code_with({{1, RelocKind::X86CallPLTRel4, false, 0, {}, -4}}), no_names));
  ASSERT_TRUE(module.define_function(
      f, code_with({{1, RelocKind::X86CallPLTRel4, false, 0, {}, -4}}), to_import));
  EXPECT_EQ(module.functions()[0].relocs[0].target, import);
  EXPECT_FALSE(module.define_function(f, code_with({}), no_names).has_value());

  const auto data = [&](u32 alignment, u32 reloc_offset) {
    DataDefinition definition;
    definition.bytes.resize(16);
    definition.alignment = alignment;
    definition.relocs.push_back({reloc_offset, RelocKind::Abs8, false, 0, f, 0});
    return definition;
  };
  EXPECT_FALSE(module.define_data(d, data(3, 0)).has_value());
  EXPECT_FALSE(module.define_data(d, data(8, 9)).has_value());
  EXPECT_TRUE(module.define_data(d, data(8, 8)).has_value());
  EXPECT_FALSE(module.define_data(d, data(8, 8)).has_value());
  EXPECT_TRUE(module.check_complete().has_value());
}

}  // namespace
}  // namespace gantry::module
