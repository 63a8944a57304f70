// Problem: files say in comments where the verifier must complain, and about what. Idea: pair each
// `; error: TEXT` with one finding at the comment's entity that contains TEXT; whatever is left on
// either side is a failure.
#include <algorithm>

#include "gantry/filetest/internal/test_file.h"

namespace gantry::filetest {
namespace {

using OwnerKind = reader::CommentOwner::Kind;
using PlaceKind = verifier::Location::Kind;

struct Expectation {
  reader::CommentOwner owner;
  std::string_view text;
  u32 line;
  bool met = false;
};

bool same_kind(OwnerKind owner, PlaceKind place) {
  switch (owner) {
    case OwnerKind::Function:
    case OwnerKind::StackLimit:
      return place == PlaceKind::Function;
    case OwnerKind::Inst:
      return place == PlaceKind::Inst;
    case OwnerKind::Block:
      return place == PlaceKind::Block;
    case OwnerKind::StackSlot:
      return place == PlaceKind::StackSlot;
    case OwnerKind::DynamicStackSlot:
      return place == PlaceKind::DynamicStackSlot;
    case OwnerKind::DynamicType:
      return place == PlaceKind::DynamicType;
    case OwnerKind::GlobalValue:
      return place == PlaceKind::GlobalValue;
    case OwnerKind::Signature:
      return place == PlaceKind::Signature;
    case OwnerKind::FuncRef:
      return place == PlaceKind::FuncRef;
    case OwnerKind::Constant:
      return place == PlaceKind::Constant;
    case OwnerKind::AliasRegion:
      return place == PlaceKind::AliasRegion;
  }
  unreachable("CommentOwner::Kind");
}

bool is_at(const reader::CommentOwner& owner, const verifier::Location& location) {
  if (!same_kind(owner.kind, location.kind)) return false;
  return location.kind == PlaceKind::Function || owner.index == location.index;
}

std::string judge(const Context& context, const TestFunction& function,
                  std::vector<verifier::Finding>& findings) {
  constexpr std::string_view kError = "error:";
  std::vector<Expectation> expected;
  for (const reader::Comment& comment : function.source.comments) {
    const std::string_view body = comment_body(comment.text);
    if (body.starts_with(kError)) {
      expected.push_back({comment.owner, comment_body(body.substr(kError.size())), comment.line});
    }
  }
  for (const verifier::Finding& finding : findings) {
    const auto match =
        std::find_if(expected.begin(), expected.end(), [&](const Expectation& candidate) {
          return !candidate.met && is_at(candidate.owner, finding.location) &&
                 finding.message.find(candidate.text) != std::string::npos;
        });
    if (match != expected.end()) {
      match->met = true;
      continue;
    }
    TextWriter text;
    text.put("unexpected error in ", std::string_view(function.name), ": ");
    verifier::write_finding(finding, text);
    return located(context, function.source.first_line, text.view());
  }
  for (const Expectation& expectation : expected) {
    if (expectation.met) continue;
    return located(context, expectation.line,
                   "expected an error that says '" + std::string(expectation.text) + "'");
  }
  return {};
}

}  // namespace

Verdict run_verifier(Context& context) {
  verifier::Verifier verifier;
  const verifier::Environment environment = environment_of(context);
  for (const TestFunction& function : context.file.functions) {
    std::vector<verifier::Finding> findings;
    verifier.verify(*function.func, environment, findings);
    if (std::string error = judge(context, function, findings); !error.empty()) {
      return Verdict::failed(std::move(error));
    }
  }
  return Verdict::passed();
}

}  // namespace gantry::filetest
