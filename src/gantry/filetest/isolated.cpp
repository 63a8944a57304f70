// Problem: one crash, one endless loop, and a run of a thousand files is worth nothing. Idea: fork
// for each file. The child runs it and writes its report into a pipe; the parent, a single thread,
// polls the pipes of all children, kills those that take too long, and hands out reports in the
// order of the files. Invariants: at most `jobs` children live at a time, each is waited for; what
// a child writes to stderr ends up in the report if it dies.
#include "gantry/filetest/isolated.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace gantry::filetest {
namespace {

u64 now_milliseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<u64>(time.tv_sec) * 1000 + static_cast<u64>(time.tv_nsec) / 1000000;
}

// ---- a report as bytes

void put_number(std::string& out, u32 number) {
  out.append(reinterpret_cast<const char*>(&number), 4);
}
void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<u32>(text.size()));
  out.append(text);
}
std::string encode(const FileReport& report) {
  std::string out;
  put_number(out, static_cast<u32>(report.outcome));
  put_text(out, report.error);
  put_text(out, report.output);
  put_number(out, static_cast<u32>(report.commands.size()));
  for (const CommandReport& command : report.commands) {
    put_text(out, command.command);
    put_number(out, static_cast<u32>(command.outcome));
    put_number(out, static_cast<u32>(command.reason));
    put_text(out, command.detail);
  }
  return out;
}

// A child that died may have written half a report: every read can fail.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}
  bool number(u32& value) {
    if (bytes_.size() < 4) return false;
    std::memcpy(&value, bytes_.data(), 4);
    bytes_.remove_prefix(4);
    return true;
  }
  bool text(std::string& value) {
    u32 size = 0;
    if (!number(size) || bytes_.size() < size) return false;
    value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool report(FileReport& report) {
    u32 outcome = 0, count = 0;
    if (!number(outcome) || outcome > 2 || !text(report.error) || !text(report.output) ||
        !number(count)) {
      return false;
    }
    report.outcome = static_cast<Outcome>(outcome);
    for (u32 i = 0; i < count; ++i) {
      CommandReport command;
      u32 reason = 0;
      if (!text(command.command) || !number(outcome) || outcome > 2 || !number(reason) ||
          reason > 3 || !text(command.detail)) {
        return false;
      }
      command.outcome = static_cast<Outcome>(outcome);
      command.reason = static_cast<SkipReason>(reason);
      report.commands.push_back(std::move(command));
    }
    return bytes_.empty();
  }

 private:
  std::string_view bytes_;
};

// ---- the child

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    bytes.remove_prefix(static_cast<usize>(written));
  }
  return true;
}

// Replaces the file by way of a neighbour, so that it is never half written.
bool rewrite_file(const std::string& path, std::string_view text) {
  const std::string neighbour = path + ".new";
  const int descriptor = ::open(neighbour.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return false;
  const bool written = write_all(descriptor, text);
  if (::close(descriptor) != 0 || !written) {
    ::unlink(neighbour.c_str());
    return false;
  }
  return std::rename(neighbour.c_str(), path.c_str()) == 0;
}

FileReport run_path(const std::string& path, const RunnerOptions& options) {
  Result<std::string> text = read_whole_file(path);
  if (!text.has_value()) {
    FileReport report;
    report.path = path;
    report.outcome = Outcome::Failed;
    report.error = text.error().message();
    return report;
  }
  FileReport report = run_file(path, *text, options);
  if (options.update && !report.new_text.empty() && !rewrite_file(path, report.new_text)) {
    report.outcome = Outcome::Failed;
    report.error = "cannot write the new expectations";
  }
  return report;
}

[[noreturn]] void child_main(const std::string& path, const RunnerOptions& options, int report_pipe,
                             int log_pipe) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  ::dup2(log_pipe, 2);
  const bool written = write_all(report_pipe, encode(run_path(path, options)));
  ::_exit(written ? 0 : 1);
}

// ---- the parent

struct Child {
  pid_t pid = -1;
  usize file = 0;
  u64 deadline = 0;
  int report_pipe = -1;
  int log_pipe = -1;
  std::string report;
  std::string log;
  bool timed_out = false;
};

constexpr usize kMaxLogBytes = 16384;

bool start(Child& child, const std::string& path, const RunnerOptions& options) {
  int report_pipe[2], log_pipe[2];
  if (::pipe2(report_pipe, O_CLOEXEC) != 0) return false;
  if (::pipe2(log_pipe, O_CLOEXEC) != 0) {
    ::close(report_pipe[0]);
    ::close(report_pipe[1]);
    return false;
  }
  child.pid = ::fork();
  if (child.pid == 0) child_main(path, options, report_pipe[1], log_pipe[1]);
  ::close(report_pipe[1]);
  ::close(log_pipe[1]);
  child.report_pipe = report_pipe[0];
  child.log_pipe = log_pipe[0];
  if (child.pid < 0) {
    ::close(child.report_pipe);
    ::close(child.log_pipe);
    return false;
  }
  return true;
}

// Takes what is there; closes the pipe at its end.
void drain(int& pipe, std::string& into, usize limit) {
  char buffer[16384];
  const ssize_t count = ::read(pipe, buffer, sizeof buffer);
  if (count < 0 && errno == EINTR) return;
  if (count <= 0) {
    ::close(pipe);
    pipe = -1;
    return;
  }
  into.append(buffer, std::min(static_cast<usize>(count), limit - std::min(limit, into.size())));
}

FileReport finish(Child& child, const std::string& path, u32 timeout_seconds) {
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  FileReport report;
  report.path = path;
  const bool exited = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (exited && !child.timed_out && Decoder(child.report).report(report)) return report;
  report = FileReport{};
  report.path = path;
  report.outcome = Outcome::Failed;
  if (child.timed_out) {
    report.error = "no result after " + std::to_string(timeout_seconds) + " seconds";
  } else if (WIFSIGNALED(status)) {
    report.error = "crashed: " + std::string(strsignal(WTERMSIG(status)));
  } else {
    report.error = "crashed: exit status " + std::to_string(WEXITSTATUS(status));
  }
  if (!child.log.empty()) report.error += "\n" + child.log;
  return report;
}

}  // namespace

void run_files(std::span<const std::string> paths, const IsolatedOptions& options,
               ReportSink report, ProgressSink progress) {
  std::fflush(nullptr);  // so that children do not inherit buffered output
  std::vector<Child> children;
  std::vector<FileReport> finished(paths.size());
  std::vector<bool> is_finished(paths.size(), false);
  usize next_to_start = 0, next_to_report = 0, done = 0;
  u64 next_progress = 0;
  std::vector<pollfd> polled;

  while (next_to_report < paths.size()) {
    while (next_to_start < paths.size() && children.size() < std::max<u32>(options.jobs, 1)) {
      Child child;
      child.file = next_to_start;
      child.deadline = now_milliseconds() + u64{options.timeout_seconds} * 1000;
      if (!start(child, paths[next_to_start], options.runner)) {
        if (!children.empty()) break;  // later, when another has ended
        FileReport failed;
        failed.path = paths[next_to_start];
        failed.outcome = Outcome::Failed;
        failed.error = "cannot start a process: " + std::string(std::strerror(errno));
        finished[next_to_start] = std::move(failed);
        is_finished[next_to_start++] = true;
        ++done;
        continue;
      }
      ++next_to_start;
      children.push_back(std::move(child));
    }

    polled.clear();
    for (const Child& child : children) {
      polled.push_back({child.report_pipe, POLLIN, 0});  // a negative descriptor is ignored
      polled.push_back({child.log_pipe, POLLIN, 0});
    }
    if (!polled.empty()) ::poll(polled.data(), polled.size(), 100);
    const u64 now = now_milliseconds();
    for (usize i = 0; i < children.size(); ++i) {
      Child& child = children[i];
      if (child.report_pipe >= 0 && polled[2 * i].revents != 0)
        drain(child.report_pipe, child.report, ~usize{0});
      if (child.log_pipe >= 0 && polled[2 * i + 1].revents != 0)
        drain(child.log_pipe, child.log, kMaxLogBytes);
      if (now >= child.deadline && !child.timed_out) {
        child.timed_out = true;
        ::kill(child.pid, SIGKILL);
      }
    }
    for (usize i = 0; i < children.size();) {
      Child& child = children[i];
      if (child.report_pipe >= 0 || child.log_pipe >= 0) {
        ++i;
        continue;
      }
      finished[child.file] = finish(child, paths[child.file], options.timeout_seconds);
      is_finished[child.file] = true;
      ++done;
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (now >= next_progress) {
      progress(done, children.empty() ? std::string_view()
                                      : std::string_view(paths[children.front().file]));
      next_progress = now + 250;
    }
    while (next_to_report < paths.size() && is_finished[next_to_report]) {
      report(finished[next_to_report]);
      finished[next_to_report++] = FileReport{};
    }
  }
}

Result<std::vector<std::string>> find_files(std::span<const std::string> paths) {
  std::vector<std::string> files;
  for (const std::string& root : paths) {
    struct stat status {};
    if (::stat(root.c_str(), &status) != 0) {
      return Error(ErrorKind::Io, root + ": " + std::strerror(errno));
    }
    if (!S_ISDIR(status.st_mode)) {
      files.push_back(root);
      continue;
    }
    std::vector<std::string> found;
    std::vector<std::string> folders{root};
    while (!folders.empty()) {
      const std::string folder = std::move(folders.back());
      folders.pop_back();
      DIR* const directory = ::opendir(folder.c_str());
      if (directory == nullptr) return Error(ErrorKind::Io, folder + ": " + std::strerror(errno));
      while (const dirent* entry = ::readdir(directory)) {
        const std::string_view name = entry->d_name;
        if (name.starts_with('.')) continue;
        const std::string path = folder + (folder.ends_with('/') ? "" : "/") + std::string(name);
        // Links are not followed into folders: they could lead back.
        if (::lstat(path.c_str(), &status) != 0) continue;
        if (S_ISDIR(status.st_mode)) {
          folders.push_back(path);
        } else if (name.ends_with(".clif")) {
          found.push_back(path);
        }
      }
      ::closedir(directory);
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

Result<std::string> read_whole_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Error(ErrorKind::Io, path + ": " + std::strerror(errno));
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      ::close(descriptor);
      return Error(ErrorKind::Io, path + ": " + std::strerror(error));
    }
    if (count == 0) break;
    text.append(buffer, static_cast<usize>(count));
  }
  ::close(descriptor);
  return text;
}

}  // namespace gantry::filetest
