// See the header. Written for being obviously right, not fast.
#include "evaluator.h"

#include <algorithm>

namespace gantry::isle::testing {

u64 Host::hash(TypeId id, const Value& value) const {
  const Type& type = program_.types[id];
  const bool has_fields =
      type.kind == Type::Kind::Struct || (type.kind == Type::Kind::Enum && !type.is_plain_enum());
  if (!has_fields) return random_host::combine(7, value.bits);
  u64 hash = random_host::combine(11, value.variant);
  for (usize i = 0; i < value.fields.size(); ++i) {
    hash = random_host::combine(
        hash, this->hash(type.variants[value.variant].fields[i].type, value.fields[i]));
  }
  return hash;
}

Value Host::decode(TypeId id, u64 bits) const {
  const Type& type = program_.types[id];
  Value value;
  switch (type.kind) {
    case Type::Kind::Bool:
      value.bits = bits % 2;
      break;
    case Type::Kind::Int:
      value.bits = bits % random_host::kNumbers;
      break;
    case Type::Kind::Primitive:
      value.bits = bits % random_host::kValues;
      break;
    case Type::Kind::Enum:
    case Type::Kind::Struct:
      if (type.is_plain_enum()) {
        value.bits = bits % type.variants.size();
        break;
      }
      value.variant = static_cast<u32>(bits % type.variants.size());
      for (u32 i = 0; i < type.variants[value.variant].fields.size(); ++i) {
        value.fields.push_back(
            decode(type.variants[value.variant].fields[i].type, random_host::output(bits, i)));
      }
      break;
  }
  return value;
}

u64 Host::call(Symbol host_function, const std::vector<u64>& args) const {
  return random_host::call(symbols_.text(host_function), args);
}

Value Host::constant(Symbol name) const {
  Value value;
  value.bits = random_host::kValues - 1 - static_cast<u64>(symbols_.text(name).back() - '0');
  return value;
}

namespace {

Value literal(const Type& type, i128 value) {
  Value result;
  result.bits = static_cast<u64>(value);
  if (type.kind == Type::Kind::Int && type.bits < 64) result.bits &= (u64{1} << type.bits) - 1;
  return result;
}
Value make(const Type& type, const Term& term, std::vector<Value> fields) {
  Value value;
  if (type.is_plain_enum()) {
    value.bits = term.variant;
  } else {
    value.variant = term.variant;
    value.fields = std::move(fields);
  }
  return value;
}
u64 number_of(RuleId rule, u32 permutation) { return u64{rule} << 8 | permutation; }
bool has_variant(const Type& type, const Value& value, u32 variant) {
  return (type.is_plain_enum() ? value.bits : value.variant) == variant;
}

}  // namespace

// ---- evaluator
// -------------------------------------------------------------------------------------------

Outcome Evaluator::run(TermId id, const std::vector<Value>& args) {
  const Term& term = program_.terms[id];
  std::vector<const Rule*> rules;
  for (const RuleId rule : term.rules) rules.push_back(&program_.rules[rule]);
  std::sort(rules.begin(), rules.end(), [](const Rule* a, const Rule* b) {
    return a->priority != b->priority ? a->priority > b->priority : a < b;
  });
  Outcome outcome;
  std::vector<std::pair<const Rule*, u32>> orders;
  for (const Rule* rule : rules) {
    for (u32 i = 0; i <= rule->permutations.size(); ++i) orders.emplace_back(rule, i);
  }
  for (const auto& [rule_in_order, permutation] : orders) {
    const Rule* rule = rule_in_order;
    const u64 order = number_of(static_cast<RuleId>(rule - program_.rules.data()), permutation);
    Environment environment(rule->variables.size());
    bool committed = false;
    match_all(*rule, permutation, 0, args, environment, [&](Environment& matched) {
      committed = true;
      if (term.multi) {
        evaluate(rule->result, matched, [&](const Value& value) {
          outcome.results.push_back(host_.hash(term.result, value));
          outcome.order.push_back(order);
          return false;
        });
        return false;
      }
      outcome.matched = evaluate(rule->result, matched, [&](const Value& value) {
        outcome.result = value;
        return true;
      });
      return true;
    });
    if (committed && !term.multi) break;
  }
  std::sort(outcome.results.begin(), outcome.results.end());
  outcome.effects = effects_;
  return outcome;
}

bool Evaluator::match_all(const Rule& rule, u32 permutation, usize index,
                          const std::vector<Value>& args, Environment& environment,
                          const Next& next) {
  const Rule::Permutation* order = permutation == 0 ? nullptr : &rule.permutations[permutation - 1];
  if (index < rule.args.size()) {
    return match(rule, order == nullptr ? rule.args[index] : order->args[index], args[index],
                 environment, [&](Environment& inner) {
                   return match_all(rule, permutation, index + 1, args, inner, next);
                 });
  }
  if (index - rule.args.size() < rule.if_lets.size()) {
    const usize number = index - rule.args.size();
    const Rule::IfLet& clause = rule.if_lets[number];
    const TypedPattern& pattern = order == nullptr ? clause.pattern : order->if_lets[number];
    return evaluate(clause.expr, environment, [&](const Value& value) {
      return match(rule, pattern, value, environment, [&](Environment& inner) {
        return match_all(rule, permutation, index + 1, args, inner, next);
      });
    });
  }
  return next(environment);
}

bool Evaluator::match(const Rule& rule, const TypedPattern& pattern, const Value& value,
                      Environment& environment, const Next& next) {
  const Type& type = program_.types[pattern.type];
  switch (pattern.kind) {
    case TypedPattern::Kind::Wildcard:
      return next(environment);
    case TypedPattern::Kind::Bind:
      return match(rule, pattern.children[0], value, environment, [&](Environment& inner) {
        inner[pattern.variable] = value;
        return next(inner);
      });
    case TypedPattern::Kind::Equal:
      return environment[pattern.variable] == value && next(environment);
    case TypedPattern::Kind::Int:
      return value == literal(type, pattern.value) && next(environment);
    case TypedPattern::Kind::Bool:
      return value.bits == static_cast<u64>(pattern.value) && next(environment);
    case TypedPattern::Kind::Const:
      return value == host_.constant(pattern.constant) && next(environment);
    case TypedPattern::Kind::And:
    case TypedPattern::Kind::Term:
      break;
  }
  // Matches the children against `values`, one after the other.
  const auto children = [&](const std::vector<Value>& values) {
    std::function<bool(usize, Environment&)> from = [&](usize index, Environment& inner) -> bool {
      if (index == pattern.children.size()) return next(inner);
      return match(rule, pattern.children[index], values[index], inner,
                   [&](Environment& deeper) { return from(index + 1, deeper); });
    };
    return from(0, environment);
  };
  if (pattern.kind == TypedPattern::Kind::And)
    return children(std::vector<Value>(pattern.children.size(), value));
  const Term& term = program_.terms[pattern.term];
  if (term.kind != Term::Kind::Declared)
    return has_variant(type, value, term.variant) && children(value.fields);
  const u64 hash = host_.call(term.extractor_host, {host_.hash(term.result, value)});
  const auto outputs = [&](u64 source) {
    std::vector<Value> values;
    for (u32 i = 0; i < term.args.size(); ++i)
      values.push_back(host_.decode(term.args[i], random_host::output(source, i)));
    return values;
  };
  if (term.multi) {
    for (unsigned i = 0; i < random_host::count(hash); ++i) {
      if (children(outputs(random_host::item(hash, i)))) return true;
    }
    return false;
  }
  return (term.infallible || random_host::succeeds(hash)) && children(outputs(hash));
}

bool Evaluator::evaluate(const TypedExpr& expr, Environment& environment,
                         const std::function<bool(const Value&)>& use) {
  const Type& type = program_.types[expr.type];
  switch (expr.kind) {
    case TypedExpr::Kind::Variable:
      return use(Value(environment[expr.variable]));
    case TypedExpr::Kind::Int:
    case TypedExpr::Kind::Bool:
      return use(literal(type, expr.value));
    case TypedExpr::Kind::Const:
      return use(host_.constant(expr.constant));
    case TypedExpr::Kind::Let: {
      std::function<bool(usize)> from = [&](usize index) -> bool {
        if (index == expr.variables.size()) return evaluate(expr.children.back(), environment, use);
        return evaluate(expr.children[index], environment, [&](const Value& value) {
          environment[expr.variables[index]] = value;
          return from(index + 1);
        });
      };
      return from(0);
    }
    case TypedExpr::Kind::Term:
      break;
  }
  std::vector<Value> args;
  return evaluate_args(expr, 0, args, environment, [&] { return apply(expr, args, use); });
}

bool Evaluator::evaluate_args(const TypedExpr& expr, usize index, std::vector<Value>& args,
                              Environment& environment, const std::function<bool()>& use) {
  if (index == expr.children.size()) return use();
  return evaluate(expr.children[index], environment, [&](const Value& value) {
    args.push_back(value);
    const bool stop = evaluate_args(expr, index + 1, args, environment, use);
    args.pop_back();
    return stop;
  });
}

bool Evaluator::apply(const TypedExpr& expr, const std::vector<Value>& args,
                      const std::function<bool(const Value&)>& use) {
  const Term& term = program_.terms[expr.term];
  if (term.kind != Term::Kind::Declared) return use(make(program_.types[term.result], term, args));
  if (term.constructor == Term::Body::Internal) {
    const Outcome inner = run(expr.term, args);
    return inner.matched && use(inner.result);
  }
  std::vector<u64> hashes;
  for (usize i = 0; i < args.size(); ++i) hashes.push_back(host_.hash(term.args[i], args[i]));
  const u64 hash = host_.call(term.constructor_host, hashes);
  if (!term.pure) effects_.push_back(hash);
  if (term.multi) {
    for (unsigned i = 0; i < random_host::count(hash); ++i) {
      if (use(host_.decode(term.result, random_host::output(random_host::item(hash, i), 0))))
        return true;
    }
    return false;
  }
  return (!term.partial || random_host::succeeds(hash)) &&
         use(host_.decode(term.result, random_host::output(hash, 0)));
}

// ---- tree executor
// ---------------------------------------------------------------------------------------

Outcome TreeExecutor::run(TermId id, const std::vector<Value>& args) {
  effects_.clear();
  Outcome outcome;
  outcome.matched = run_term(id, args, outcome.result, &outcome.results, &outcome.order);
  if (program_.terms[id].multi) outcome.matched = false;
  std::sort(outcome.results.begin(), outcome.results.end());
  outcome.effects = effects_;
  return outcome;
}

bool TreeExecutor::run_term(TermId id, const std::vector<Value>& args, Value& result,
                            std::vector<u64>* results, std::vector<u64>* order) {
  Frame frame{nullptr, args, {}, results, order, {}, false, false};
  for (const TermCode& code : terms_) {
    if (code.set.term == id) frame.code = &code;
  }
  block(frame, frame.code->tree.root);
  result = frame.result;
  return frame.committed && !frame.failed;
}

// True: a rule of a term that is not multi was committed to.
bool TreeExecutor::block(Frame& frame, BlockId id) {
  for (const TreeStep& step : frame.code->tree.blocks[id].steps) {
    switch (step.kind) {
      case TreeStep::Kind::Leaf:
        if (leaf(frame, step.rule, 0)) return true;
        break;
      case TreeStep::Kind::Equal:
        if (equal(frame, step.site, step.other) && block(frame, step.then)) return true;
        break;
      case TreeStep::Kind::Loop: {
        const Site& site = frame.code->set.sites[step.site];
        for (const std::vector<Value>& outputs : iterate(frame, step.site)) {
          const usize size = frame.known.size();
          for (u32 i = 0; i < site.outputs; ++i)
            frame.known.emplace_back(step.site + 1 + i, outputs[i]);
          const bool done = block(frame, step.then);
          frame.known.resize(size);
          if (done) return true;
        }
        break;
      }
      case TreeStep::Kind::Match: {
        const Site& site = frame.code->set.sites[step.site];
        const TreeStep::Arm* taken = nullptr;
        const usize size = frame.known.size();
        for (const TreeStep::Arm& arm : step.arms) {
          bool holds = false;
          if (arm.constraint.kind == Constraint::Kind::Some) {
            holds = call(frame, step.site);
          } else {
            const Value value = use(frame, step.site);
            const Type& type = program_.types[site.type];
            switch (arm.constraint.kind) {
              case Constraint::Kind::Variant:
                holds = has_variant(type, value, arm.constraint.variant);
                break;
              case Constraint::Kind::Int:
                holds = value == literal(type, arm.constraint.value);
                break;
              case Constraint::Kind::Bool:
                holds = value.bits == static_cast<u64>(arm.constraint.value);
                break;
              case Constraint::Kind::Const:
                holds = value == host_.constant(arm.constraint.constant);
                break;
              default:
                break;
            }
          }
          if (holds) {
            taken = &arm;
            break;
          }
        }
        const BlockId next = taken != nullptr ? taken->block : step.otherwise;
        const bool done = next != kNoBlock && block(frame, next);
        frame.known.resize(size);
        if (done) return true;
        break;
      }
    }
  }
  return false;
}

bool TreeExecutor::equal(Frame& frame, SiteId a, SiteId b) {
  const Value left = use(frame, a);  // a copy: use() may move what it has returned
  return left == use(frame, b);
}

const Value& TreeExecutor::use(Frame& frame, SiteId id) {
  for (const auto& [site, value] : frame.known) {
    if (site == id) return value;
  }
  const Site& site = frame.code->set.sites[id];
  Value value;
  switch (site.kind) {
    case Site::Kind::Arg:
      value = frame.args[site.index];
      break;
    case Site::Kind::Int:
    case Site::Kind::Bool:
      value = literal(program_.types[site.type], site.value);
      break;
    case Site::Kind::Const:
      value = host_.constant(site.constant);
      break;
    case Site::Kind::Field:
      value = Value(use(frame, site.source)).fields.at(site.index);
      break;
    case Site::Kind::Output:
    case Site::Kind::Construct: {
      const SiteId call_site = site.kind == Site::Kind::Output ? site.source : id;
      GANTRY_CHECK(!frame.code->set.sites[call_site].fallible &&
                   !frame.code->set.sites[call_site].multi);
      GANTRY_CHECK(call(frame, call_site));
      return use(frame, id);
    }
    case Site::Kind::Make: {
      std::vector<Value> fields;
      for (const SiteId arg : site.args) fields.push_back(use(frame, arg));
      value = make(program_.types[site.type], program_.terms[site.term], std::move(fields));
      break;
    }
    case Site::Kind::Extract:
      unreachable("an extractor call is used as a value");
  }
  frame.known.emplace_back(id, value);
  return frame.known.back().second;
}

bool TreeExecutor::call(Frame& frame, SiteId id) {
  const Site site = frame.code->set.sites[id];
  const Term& term = program_.terms[site.term];
  if (site.kind == Site::Kind::Extract) {
    const u64 hash =
        host_.call(term.extractor_host, {host_.hash(term.result, use(frame, site.source))});
    if (site.fallible && !random_host::succeeds(hash)) return false;
    for (u32 i = 0; i < site.outputs; ++i) {
      frame.known.emplace_back(id + 1 + i,
                               host_.decode(term.args[i], random_host::output(hash, i)));
    }
    return true;
  }
  std::vector<Value> args;
  std::vector<u64> hashes;
  for (usize i = 0; i < site.args.size(); ++i) {
    args.push_back(use(frame, site.args[i]));
    hashes.push_back(host_.hash(term.args[i], args.back()));
  }
  Value value;
  if (term.constructor == Term::Body::Internal) {
    if (!run_term(site.term, args, value, nullptr, nullptr)) return false;
  } else {
    const u64 hash = host_.call(term.constructor_host, hashes);
    if (!term.pure) effects_.push_back(hash);
    if (site.fallible && !random_host::succeeds(hash)) return false;
    value = host_.decode(term.result, random_host::output(hash, 0));
  }
  frame.known.emplace_back(site.outputs == 0 ? id : id + 1, value);
  return true;
}

std::vector<std::vector<Value>> TreeExecutor::iterate(Frame& frame, SiteId id) {
  const Site site = frame.code->set.sites[id];
  const Term& term = program_.terms[site.term];
  std::vector<u64> hashes;
  if (site.kind == Site::Kind::Extract) {
    hashes.push_back(host_.hash(term.result, use(frame, site.source)));
  } else {
    for (usize i = 0; i < site.args.size(); ++i)
      hashes.push_back(host_.hash(term.args[i], use(frame, site.args[i])));
  }
  const u64 hash = host_.call(
      site.kind == Site::Kind::Extract ? term.extractor_host : term.constructor_host, hashes);
  std::vector<std::vector<Value>> items;
  for (unsigned i = 0; i < random_host::count(hash); ++i) {
    std::vector<Value> outputs;
    for (u32 k = 0; k < site.outputs; ++k) {
      outputs.push_back(host_.decode(frame.code->set.sites[id + 1 + k].type,
                                     random_host::output(random_host::item(hash, i), k)));
    }
    items.push_back(std::move(outputs));
  }
  return items;
}

bool TreeExecutor::leaf(Frame& frame, u32 rule, usize next) {
  const NormalRule& normal = frame.code->set.rules[rule];
  const Term& root = program_.terms[frame.code->set.term];
  const usize size = frame.known.size();
  for (; next < normal.right_sites.size(); ++next) {
    const SiteId id = normal.right_sites[next];
    const Site& site = frame.code->set.sites[id];
    const SiteId value = site.outputs == 0 ? id : id + 1;
    const bool known = std::any_of(frame.known.begin(), frame.known.end(),
                                   [&](const auto& entry) { return entry.first == value; });
    if (known) continue;
    if (site.multi) {
      for (const std::vector<Value>& outputs : iterate(frame, id)) {
        const usize inner = frame.known.size();
        frame.known.emplace_back(id + 1, outputs[0]);
        leaf(frame, rule, next + 1);
        frame.known.resize(inner);
      }
      return false;
    }
    if (!site.impure && !site.fallible) continue;
    if (!call(frame, id)) {
      frame.committed = frame.failed = true;
      return true;
    }
  }
  const Value result = use(frame, normal.result);
  if (root.multi) {
    frame.results->push_back(host_.hash(root.result, result));
    frame.order->push_back(number_of(normal.rule, normal.permutation));
    frame.known.resize(size);
    return false;
  }
  frame.result = result;
  frame.committed = true;
  return true;
}

}  // namespace gantry::isle::testing
