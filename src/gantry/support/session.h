#pragma once
// What lives as long as a compiler instance: scratch memory reused from function to function, and
// the chores of passes (time, dumps). A Session belongs to one thread at a time.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/support/arena.h"
#include "gantry/support/function_ref.h"
#include "gantry/support/text_writer.h"

namespace gantry {

// Declared next to the pass's code: inline constexpr PassInfo kLower{"lower", "CLIF to VCode"};
struct PassInfo {
  std::string_view name;
  std::string_view what;
};

// Time and runs of one pass, summed over functions. Nanoseconds of a monotonic clock.
struct PassTime {
  const PassInfo* pass = nullptr;
  u64 nanoseconds = 0;
  u64 runs = 0;
};

// What a pass did, for whoever bisects.
struct Change {
  const PassInfo* pass = nullptr;
  std::string function;
  std::string what;
  std::string place;  // block, instruction
};

class Session {
 public:
  Session() = default;
  ~Session() {
    for (const Scratch& entry : scratch_) entry.destroy(entry.object);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Arena& pass_arena() { return pass_arena_; }

  // The working memory of a back end (or other owner), made by `make` at first use and kept until
  // the session ends. `owner` names it and must outlive the session: an address of static storage,
  // not of an object that may come and go.
  template <class T>
  T& scratch(const void* owner, FunctionRef<T*()> make) {
    for (const Scratch& entry : scratch_) {
      if (entry.owner == owner) return *static_cast<T*>(entry.object);
    }
    T* object = make();
    scratch_.push_back({owner, object, [](void* made) { delete static_cast<T*>(made); }});
    return *object;
  }

  // Times are taken only when asked for: a clock read costs more than some passes.
  void enable_timing(bool on) { timing_ = on; }
  bool timing() const { return timing_; }
  const std::vector<PassTime>& pass_times() const { return times_; }
  void clear_pass_times() { times_.clear(); }
  void add_pass_time(const PassInfo& pass, u64 nanoseconds);

  // Changes that may still happen, for bisecting: passes count them down and stop at 0. Null unless
  // limited. Limiting rules only, that is, what changes arithmetic, branches and rounds of loops by
  // what is computed, leaves all other changes (change_fuel() stays null).
  enum class Limited : u8 { Nothing, Rules, AllChanges };
  u64* fuel() { return limited_ != Limited::Nothing ? &fuel_ : nullptr; }
  u64* change_fuel() { return limited_ == Limited::AllChanges ? &fuel_ : nullptr; }
  void limit_fuel(u64 changes, Limited limited = Limited::AllChanges) {
    fuel_ = changes;
    limited_ = limited;
  }
  // What took the last unit of fuel; without a pass if there is some left, or it was a rewrite, of
  // which observers know.
  const Change& last_change() const { return last_change_; }
  void set_last_change(Change change) { last_change_ = std::move(change); }

  // What the named pass leaves behind is written to `out` as text, each time it runs. `pass` must
  // outlive the request.
  void dump_after(std::string_view pass, TextWriter* out) { dumps_.push_back({pass, out}); }
  // The same for a while. Scopes nest.
  class DumpScope {
   public:
    DumpScope(Session& session, std::string_view pass, TextWriter* out) : session_(session) {
      session.dump_after(pass, out);
    }
    ~DumpScope() { session_.dumps_.pop_back(); }
    DumpScope(const DumpScope&) = delete;
    DumpScope& operator=(const DumpScope&) = delete;

   private:
    Session& session_;
  };

 private:
  friend class PassScope;
  struct Scratch {
    const void* owner;
    void* object;
    void (*destroy)(void*);
  };

  Arena pass_arena_;
  std::vector<Scratch> scratch_;
  bool timing_ = false;
  Limited limited_ = Limited::Nothing;
  u64 fuel_ = 0;
  Change last_change_;
  std::vector<PassTime> times_;
  struct Dump {
    std::string_view pass;
    TextWriter* out;
  };
  std::vector<Dump> dumps_;
};

// What a pass works on, as far as the scope needs to know it.
struct PassSubject {
  const void* object = nullptr;
  void (*dump)(const void* object, TextWriter& out) = nullptr;
  bool (*verify)(const void* object, TextWriter& findings) = nullptr;
};

// The chores of one run of one pass: names it in crash reports, times it, dumps its subject when
// asked, judges the subject in checked builds, and resets the pass arena.
class PassScope {
 public:
  PassScope(Session& session, const PassInfo& pass, PassSubject subject = {});
  ~PassScope();
  PassScope(const PassScope&) = delete;
  PassScope& operator=(const PassScope&) = delete;

 private:
  Session& session_;
  const PassInfo& pass_;
  PassSubject subject_;
  CheckScope check_scope_;
  u64 started_;
};

}  // namespace gantry
