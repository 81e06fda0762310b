#include "ostree/push/receive_log.hh"

#include <algorithm>
#include <utility>

#include "base/bytes.hh"
#include "base/escape.hh"
#include "base/log.hh"

namespace osb::ostree {
namespace {

// A line of Python's logging: LEVEL:LOGGER:MESSAGE.
constexpr std::string_view kLogger = ":otpush.receive:";

bool is_level(std::string_view text) {
    return text == "DEBUG" || text == "INFO" || text == "WARNING" || text == "ERROR" || text == "CRITICAL";
}

}  // namespace

std::string_view RefBefore::text() const noexcept {
    return told ? text_or_empty(commit) : "(unknown)";
}

ReceiveLog::ReceiveLog(RefName ref, const CommitId& commit, bool warn)
    : ref_(std::move(ref)), commit_(commit), warn_(warn) {}

void ReceiveLog::add(std::string_view line) {
    const std::size_t at = line.find(kLogger);
    const std::string_view level = line.substr(0, std::min(at, line.size()));
    const std::string shown = concat("server: ", escape(line));
    if (at == std::string_view::npos || !is_level(level)) {
        last_words_ = escape(line);
        log_debug(shown);
        return;
    }
    log(level == "WARNING" && warn_ ? LogLevel::info : LogLevel::debug, shown);
    const std::string_view message = line.substr(at + kLogger.size());
    if (level == "ERROR" || level == "CRITICAL") last_words_ = escape(message);
    add_message(message);
}

void ReceiveLog::add_message(std::string_view message) {
    if (message == "Current commits:") {
        in_current_ = true;
        return;
    }
    const std::string entry = concat(' ', ref_, ' ');
    if (in_current_ && message.starts_with(entry)) {
        const std::string_view what = message.substr(entry.size());
        if (what == "None") before_ = {.told = true, .commit = std::nullopt};
        if (const auto commit = CommitId::try_parse(what)) before_ = {.told = true, .commit = commit};
        return;
    }
    in_current_ = in_current_ && message.starts_with(' ');
    if (message.starts_with(concat("ref ", ref_, " remote rev ", commit_, " is not newer than ")))
        not_newer_ = true;
    if (message.starts_with(concat("ref ", ref_, " remote commit ", commit_, " root equals ")))
        same_tree_ = true;
    const std::string set = concat("Set ", ref_, " ref to ");
    if (!message.starts_with(set)) return;
    if (const auto commit = CommitId::try_parse(message.substr(set.size()))) made_ = commit;
}

}  // namespace osb::ostree
