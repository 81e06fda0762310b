#include "system/check/trial_hooks.hh"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/subprocess.hh"
#include "system/check/program_directory.hh"

namespace osb::system {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

Fd file_with(const std::string& text) {
    Fd file(::memfd_create("status", MFD_CLOEXEC));
    if (!file) throw_errno("cannot make a file in memory");
    write_all(file.get(), as_bytes(text), "a file in memory");
    return file;
}

// Runs one hook. Returns the error, or "" if it succeeded.
std::string run_hook(const Program& hook, TrialVerdict verdict, int status, milliseconds limit) {
    if (limit.count() <= 0) return "there was no time left for it";
    try {
        if (::lseek(status, 0, SEEK_SET) != 0) throw_errno("cannot rewind a file in memory");
        Subprocess child({.argv = {hook.path},
                          .environment = {{"OSB_TRIAL_VERDICT", std::string(to_string(verdict))}},
                          .inherited = {{status, STDIN_FILENO}}});
        const std::optional<ExitState> state = child.wait_for(limit);
        if (!state) {
            ::kill(-child.pid(), SIGKILL);
            child.terminate(milliseconds(0));
            return "it did not end in time";
        }
        return state->ok() ? std::string() : state->to_string();
    } catch (const Error& error) {
        return error.message();
    }
}

}  // namespace

std::vector<std::string> run_trial_hooks(const TrialHookOptions& options, TrialVerdict verdict,
                                         const std::string& status) {
    std::vector<std::string> problems;
    if (verdict != TrialVerdict::passed && verdict != TrialVerdict::failed) return problems;
    const std::vector<Program> hooks = find_programs(options.directories, "trial.d", problems);
    if (hooks.empty()) return problems;
    const auto deadline = SteadyClock::now() + options.total_limit;
    const Fd file = file_with(status);
    for (const Program& hook : hooks) {
        const auto left = std::chrono::duration_cast<milliseconds>(deadline - SteadyClock::now());
        const std::string problem = run_hook(hook, verdict, file.get(), std::min(options.limit, left));
        if (!problem.empty()) problems.push_back(concat("hook ", quoted(hook.name), ": ", problem));
    }
    return problems;
}

}  // namespace osb::system
