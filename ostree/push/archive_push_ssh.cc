// The protocol of ostree-push (1.0): ssh forwards a port of the server's loopback interface to a local HTTP
// server, and `ostree-receive PATH URL REF` on the server pulls from it.
#include <algorithm>
#include <optional>
#include <string>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/scratch_directory.hh"
#include "base/shell_word.hh"
#include "ostree/push/archive_offer.hh"
#include "ostree/push/archive_push.hh"
#include "ostree/push/archive_server.hh"
#include "ostree/push/push_source.hh"
#include "ostree/push/receive_log.hh"
#include "ostree/push/ssh_connection.hh"
#include "ostree/push/ssh_rules.hh"

namespace osb::ostree {
namespace {

constexpr int kNoSuchCommand = 127;

class SshPush {
  public:
    SshPush(const PushSource& source, const SshTarget& target, const ArchivePushOptions& options,
            Progress& progress)
        : source_(source),
          target_(target),
          options_(options),
          progress_(progress),
          scratch_(ssh_socket_parent()),
          offer_(source.repository()),
          server_(offer_, scratch_.path() + "/http", progress),
          result_{.commit = source.commit(), .ref = source.ref()} {}

    ArchivePushResult run() {
        // A bar would be drawn over ssh's questions.
        if (!options_.ssh_may_ask) progress_.begin("connecting", std::nullopt);
        ssh_.emplace(target_, scratch_.path() + "/ssh", options_.ssh_may_ask);
        url_ = concat("http://127.0.0.1:", ssh_->forward(server_.socket_path()), server_.prefix());
        const std::size_t unknown = count_unknown();
        for (std::size_t i = unknown; i-- > 0;) send(i, unknown);
        result_.unchanged = result_.commits == 0;
        result_.objects_sent = server_.objects_sent();
        result_.bytes_sent = server_.bytes_sent();
        if (result_.unchanged) return result_;
        // An object that was requested twice counts once.
        const std::uint64_t offered = offer_.object_count();
        result_.objects_present = offered - std::min(offered, result_.objects_sent);
        return result_;
    }

  private:
    const CommitId& commit(std::size_t i) const { return source_.history()[i].commit; }

    // Runs ostree-receive for this commit. Throws unless it exits with status 0 or `may_fail` is set.
    ReceiveLog receive(std::size_t i, std::string_view flags, bool probing, bool& failed) {
        server_.offer(source_.ref(), commit(i), probing);
        ReceiveLog log(source_.ref(), commit(i), /*warn=*/!probing);
        const std::string command = concat("ostree-receive ", flags, " ", shell_quoted(target_.path), " ",
                                           url_, " ", shell_quoted(source_.ref().text()));
        const ExitState state = ssh_->run(command, [&](std::string_view line) { log.add(line); });
        server_.rethrow_failure();
        failed = !state.ok();
        // A probe that offers no objects makes the command fail.
        if (failed && !(probing && server_.lacks_object() && state.value != kSshFailed)) fail(state, log);
        return log;
    }

    [[noreturn]] void fail(const ExitState& state, const ReceiveLog& log) const {
        const std::string why = log.last_words().empty() ? "" : concat(": ", log.last_words());
        if (!state.signalled && state.value == kSshFailed)
            throw Error(ErrorKind::unavailable,
                        concat("the connection to ", quoted(target_.host), " broke", why));
        if (!state.signalled && state.value == kNoSuchCommand) {
            throw Error(ErrorKind::not_found,
                        concat("ostree-receive is not installed on ", quoted(target_.host), why))
                .hint("install ostree-push on the server");
        }
        throw Error(ErrorKind::unavailable, concat("ostree-receive on ", quoted(target_.host),
                                                   " failed with ", state.to_string(), why));
    }

    // True if the server's ref is at this commit or beyond it: the server has the commit, or reports that its
    // own is as new. Transfers nothing. Stores the commit of the ref in before_.
    bool is_known(std::size_t i) {
        bool failed = false;
        const ReceiveLog log = receive(i, "-n -v", /*probing=*/true, failed);
        before_ = log.before();
        // It succeeded without a report on the ref: it does not accept refs with this name, so do not ask
        // again.
        if (!failed && !before_.told) check_not_taken(log);
        return log.before().commit == commit(i) || (!failed && log.is_not_newer());
    }

    // The position of the server's ref in our history, if its commit is one of ours and not a copy.
    std::optional<std::size_t> place_of_ref() const {
        if (!before_.told) return std::nullopt;
        const auto& history = source_.history();
        if (!before_.commit) return history.size();
        for (std::size_t i = 0; i < history.size(); ++i)
            if (history[i].commit == *before_.commit) return i;
        return std::nullopt;
    }

    // The number of commits to send, counted from the newest. The server stores copies with other checksums,
    // and accepts the commits of a ref one by one, each newer than the last. So missing ancestors go first.
    // The newest commit is always sent, because the server's response to it is reported to the user.
    std::size_t count_unknown() {
        const std::size_t count = source_.history().size();
        if (count == 1) return 1;
        progress_.begin("asking what the server has", std::nullopt);
        std::size_t unknown = 0;  // the last one that the server does not have
        std::size_t known = count;
        for (std::size_t step = 1; unknown + step < known; step *= 2) {
            const bool found = is_known(unknown + step);
            if (const auto place = place_of_ref()) return std::max<std::size_t>(*place, 1);
            (found ? known : unknown) = unknown + step;
            if (found) break;
        }
        while (known - unknown > 1) {
            const std::size_t middle = unknown + (known - unknown) / 2;
            (is_known(middle) ? known : unknown) = middle;
        }
        return known;
    }

    void send(std::size_t i, std::size_t count) {
        progress_.begin(count == 1 ? "sending objects" : concat("sending commit ", count - i, " of ", count),
                        std::nullopt);
        const bool newest = i == 0;
        bool failed = false;
        const ReceiveLog log =
            receive(i, newest && options_.force ? "-f -v" : "-v", /*probing=*/false, failed);
        if (log.made()) {
            ++result_.commits;
            result_.destination = log.made();
            return;
        }
        if (newest) check_not_taken(log);
    }

    // The command succeeded, but the server did not accept the newest commit.
    void check_not_taken(const ReceiveLog& log) {
        if (log.is_same_tree() || log.before().commit == source_.commit()) {
            result_.destination = log.before().commit;
            return;
        }
        if (log.is_not_newer()) {
            throw Error(ErrorKind::invalid,
                        concat("the ref ", quoted(source_.ref().text()), " of ", quoted(target_.to_string()),
                               " names the commit ", log.before().text(), ", which is as new as ",
                               source_.commit(), " or newer"))
                .hint("--force pushes anyway");
        }
        throw Error(ErrorKind::unavailable, concat("ostree-receive on ", quoted(target_.host),
                                                   " did not update the ref ", quoted(source_.ref().text())))
            .hint("it ignores appstream/*, appstream2/* and ostree-metadata; -v shows its output");
    }

    const PushSource& source_;
    const SshTarget& target_;
    const ArchivePushOptions& options_;
    Progress& progress_;
    ScratchDirectory scratch_;
    ArchiveOffer offer_;
    ArchiveServer server_;
    std::optional<SshConnection> ssh_;
    std::string url_;
    RefBefore before_;  // at the last probe
    ArchivePushResult result_;
};

}  // namespace

ArchivePushResult push_over_ssh(const Repository& source, const std::string& rev, const SshTarget& target,
                                const ArchivePushOptions& options, Progress& progress) {
    const PushSource pushed(source, rev, options.ref);
    return SshPush(pushed, target, options, progress).run();
}

}  // namespace osb::ostree
