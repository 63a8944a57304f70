#pragma once
// Passes count their changes, so that bisecting can hold back all but the first n of them and name
// the n-th.
#include <string_view>

#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

// Says in the session what the last unit of fuel was spent on. `what`: a sentence about the place.
void name_change(Session& session, const PassInfo& pass, std::string_view what,
                 const ir::Function& func, ir::Inst place);
void name_change(Session& session, const PassInfo& pass, std::string_view what,
                 const ir::Function& func, ir::Block place, PackedOption<ir::Value> value = {});
void name_change(Session& session, const PassInfo& pass, std::string_view what,
                 const ir::Function& func, ir::StackSlot place);

// Takes a unit of `fuel`, if that is limited and not used up.
template <class... Place>
inline bool take_fuel(u64* fuel, Session& session, const PassInfo& pass, std::string_view what,
                      const ir::Function& func, Place... place) {
  if (fuel == nullptr) [[likely]]
    return true;
  if (*fuel == 0) return false;
  if (--*fuel == 0) name_change(session, pass, what, func, place...);
  return true;
}

// Whether `pass` may make one more change. Asked when all is decided and nothing changed yet. Not
// for what the result would not verify without.
template <class... Place>
inline bool may_change(Session& session, const PassInfo& pass, std::string_view what,
                       const ir::Function& func, Place... place) {
  return take_fuel(session.change_fuel(), session, pass, what, func, place...);
}

}  // namespace gantry::opt
