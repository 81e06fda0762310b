#include "system/upgrade/unattended.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/file_lock.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/random.hh"
#include "base/state_file.hh"
#include "base/subprocess.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "system/check/program_directory.hh"
#include "system/upgrade/job_log.hh"
#include "system/upgrade/unattended_settings.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::int64_t kLookEvery = std::int64_t{15} * 60;  // the period of the cron job
constexpr std::size_t kMaxSettings = 64UL * 1024;
constexpr std::size_t kMaxProgramResult = 16UL * 1024 * 1024;
constexpr int kNothingNewStatus = 77;
constexpr const char* kDoneName = "upgrade-done";

UnattendedSettings read_settings(const UnattendedJob& job) {
    const std::string path = job.root + "/etc/conf.d/osb-upgrade";
    // It may be a symbolic link, because root owns the directory.
    std::error_code none;
    const fs::path target = fs::canonical(path, none);
    std::string text;
    try {
        text = read_regular_file(AT_FDCWD, none ? path : target.string(), kMaxSettings);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return {};
        throw;
    }
    return with_context([&] { return quoted(path); }, [&] { return parse_unattended_settings(text); });
}

// Opens a directory that only root can enter, because a process that can open a lock can hold it.
Fd open_private_directory(const std::string& path) {
    std::error_code ignored;
    fs::create_directories(fs::path(path).parent_path(), ignored);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        throw_errno(concat("cannot make ", quoted(path)));
    Fd out = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    struct stat info {};
    if (::fstat(out.get(), &info) != 0) throw_errno(quoted(path));
    if (info.st_uid != ::geteuid())
        throw Error(ErrorKind::io, concat(quoted(path), " belongs to another user"));
    if (::fchmod(out.get(), 0700) != 0) throw_errno(quoted(path));
    return out;
}

// Returns the exit status as a shell reports it.
int status_of(const ExitState& state) {
    constexpr int kSignal = 128;
    return state.signalled ? kSignal + state.value : state.value;
}

// Ends the process and its process group.
void end_group(Subprocess& child, milliseconds grace) {
    ::kill(-child.pid(), SIGTERM);
    child.terminate(grace);
    ::kill(-child.pid(), SIGKILL);
}

// Runs a process. Returns nothing if it did not end within the limit and was killed.
std::optional<int> run_process(const SubprocessOptions& options, milliseconds limit, milliseconds grace) {
    Subprocess child(options);
    try {
        if (const auto state = child.wait_for(limit)) return status_of(*state);
    } catch (const Interrupted&) {
        end_group(child, grace);
        throw;
    }
    end_group(child, grace);
    return std::nullopt;
}

// Parses the output of `--json`; empty if it is malformed.
oci::Json parse_result(const std::string& text) {
    try {
        return oci::parse_json(text, "the result");
    } catch (const Error&) {
        return oci::Json::object();
    }
}

// NOLINTNEXTLINE(bugprone-exception-escape): moving JSON throws nothing
struct ProgramOutcome {
    int status = 0;
    std::string text;
    oci::Json json;

    // Returns the code of a refusal; "" if there was none.
    std::string refusal() const {
        const oci::Json& error = oci::member_or_null(json, "error");
        if (status == 0 || !error.is_object() || oci::text_or_empty(error, "kind") != "refused") return "";
        return oci::text_or_empty(error, "code");
    }
};

class UnattendedLook {
  public:
    UnattendedLook(const UnattendedJob& job, const UnattendedSettings& settings, const JobLog& log,
                   int directory)
        : job_(job), settings_(settings), log_(log), directory_(directory) {}

    void run() {
        if (!is_time() || read_done() == window_.date) return;
        wait_at_random();
        upgrade();
    }

  private:
    bool is_time() {
        const UpgradeSchedule& schedule = settings_.schedule;
        const std::int64_t now = job_.now();
        auto window = window_at(schedule, now);
        if (!window) {
            window = short_window_after(schedule, now, kLookEvery);
            if (window) job_.sleep(std::chrono::seconds(window->begin - now));
        }
        if (window) window_ = *window;
        return window.has_value();
    }

    // Waits a random time, so that the machines of a fleet do not query the registry or restart at the same
    // time.
    void wait_at_random() const {
        const std::int64_t left = std::max<std::int64_t>(window_.end - job_.now(), 0);
        const std::int64_t most = std::min<std::int64_t>(settings_.jitter, left);
        if (most == 0) return;
        std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
        fill_random(bytes);
        std::uint64_t number = 0;
        for (const std::uint8_t byte : bytes) number = number << 8U | byte;
        job_.sleep(std::chrono::seconds(number % static_cast<std::uint64_t>(most)));
    }

    void upgrade() {
        const ProgramOutcome check = run_program("--check");
        if (check.status == kNothingNewStatus) return start_waiting(check);
        require_success(check, "upgrade --check");
        log_.line(concat("new: ", escape(oci::text_or_empty(check.json, "image")), ' ',
                         escape(oci::text_or_empty(check.json, "manifest_digest"))));
        run_hooks("pre.d", {});
        const ProgramOutcome done = run_program("");
        log_.append(done.text);
        try {
            run_hooks("post.d", {{"OSB_UPGRADE_STATUS", std::to_string(done.status)}});
        } catch (const Error&) {
            // The log has the error; the upgrade itself is done.
        }
        require_success(done, "upgrade");
        write_done();
        if (!settings_.restarts) return;
        // An image that was only recompressed is not a new system.
        if (!oci::member_or_null(done.json, "next_boot").is_string())
            return log_.line("nothing to restart for");
        log_.line("restarting");
        ::sync();
        job_.restart();
    }

    // There is no new image, but the next boot may start another system, for example after an interruption.
    void start_waiting(const ProgramOutcome& check) {
        write_done();
        const std::string code = oci::text_or_empty(oci::member_or_null(check.json, "error"), "code");
        if (!settings_.restarts || (code != "next_on_trial" && code != "next_default")) return;
        log_.line("restarting into the system that waits");
        ::sync();
        job_.restart();
    }

    // A refusal applies to this window, unless it is temporary.
    void require_success(const ProgramOutcome& outcome, const std::string& what) const {
        if (outcome.status == 0) return;
        const std::string code = outcome.refusal();
        if (code.empty()) fail(concat(what, " failed with status ", outcome.status));
        if (code != "on_trial") write_done();
        fail(concat("upgrade refused (", escape(code), ')'));
    }

    // The log has its errors. `option` is an option of `upgrade`, or "".
    ProgramOutcome run_program(const std::string& option) const {
        constexpr milliseconds kNoLimit = std::chrono::hours(24 * 365);
        const Fd result = open_at(directory_, "result.json", O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
        SubprocessOptions options{.argv = {job_.program, "upgrade"},
                                  .environment = {{kUnattendedVariable, "1"}},
                                  .inherited = {{result.get(), STDOUT_FILENO}, {log_.fd(), STDERR_FILENO}}};
        if (!option.empty()) options.argv.push_back(option);
        options.argv.emplace_back("--json");
        options.argv.insert(options.argv.end(), settings_.options.begin(), settings_.options.end());
        options.argv.insert(options.argv.end(), {"--progress", "none"});
        // An orderly end of an upgrade takes time.
        constexpr milliseconds kProgramGrace = std::chrono::seconds(60);
        ProgramOutcome out;
        out.status = run_process(options, kNoLimit, kProgramGrace).value_or(1);
        out.text = read_regular_file(directory_, "result.json", kMaxProgramResult);
        out.json = parse_result(out.text);
        return out;
    }

    // Runs the hooks in the order of their names. The first failure stops the sequence.
    void run_hooks(const std::string& kind,
                   const std::vector<std::pair<std::string, std::string>>& environment) const {
        std::vector<std::string> warnings;
        const std::vector<Program> hooks = find_programs({job_.root + "/etc/osb/upgrade"}, kind, warnings);
        for (const std::string& warning : warnings) log_.line(concat("hook ", warning));
        for (const Program& hook : hooks) run_hook(hook, kind, environment);
    }

    void run_hook(const Program& hook, const std::string& kind,
                  const std::vector<std::pair<std::string, std::string>>& environment) const {
        const std::string label = concat("hook ", kind, '/', escape(hook.name));
        const SubprocessOptions options{
            .argv = {hook.path},
            .environment = environment,
            .inherited = {{log_.fd(), STDOUT_FILENO}, {log_.fd(), STDERR_FILENO}}};
        std::optional<int> status;
        try {
            status = run_process(options, std::chrono::seconds(settings_.hook_time), job_.grace);
        } catch (const Error& error) {
            fail(concat(label, ": ", error.message()));
        }
        if (!status) fail(concat(label, " did not end within ", settings_.hook_time, " s"));
        if (*status != 0) fail(concat(label, " failed with status ", *status));
    }

    [[noreturn]] void fail(const std::string& text) const {
        log_.line(text);
        throw Error(ErrorKind::refused, text).hint(concat(quoted(settings_.log), " has more"));
    }

    std::string done_directory() const { return job_.root + "/var/lib/osb"; }
    std::string read_done() const {
        constexpr std::size_t kMaxDone = 64;
        try {
            const std::string text =
                read_regular_file(AT_FDCWD, concat(done_directory(), '/', kDoneName), kMaxDone);
            return text.substr(0, text.find('\n'));
        } catch (const Error&) {
            return "";
        }
    }
    // The upgrade is done even if /var is full. Without the record, the next start looks again.
    void write_done() const {
        std::error_code ignored;
        fs::create_directories(fs::path(done_directory()).parent_path(), ignored);
        try {
            const Fd directory = open_state_directory(done_directory());
            replace_file(directory.get(), kDoneName, window_.date + '\n');
        } catch (const Error& error) {
            log_warning(concat("cannot record the upgrade of this window: ", error.message()));
        }
    }

    const UnattendedJob& job_;
    const UnattendedSettings& settings_;
    const JobLog& log_;
    int directory_;
    UpgradeWindow window_;
};

}  // namespace

void run_unattended(const UnattendedJob& job) {
    UnattendedSettings settings;
    try {
        settings = read_settings(job);
    } catch (const Error& error) {
        JobLog(job.root + settings.log, job.now).line(error.message());
        throw;
    }
    if (!settings.is_on) return;
    const Fd directory = open_private_directory(job.root + "/run/osb-upgrade");
    const Fd lock = open_at(directory.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    // An earlier run still waits or works.
    if (!try_lock_file(lock.get(), "the lock of the unattended upgrades")) return;
    JobLog log(job.root + settings.log, job.now);
    log.trim(settings.log_size);
    UnattendedLook(job, settings, log, directory.get()).run();
}

}  // namespace osb::system
