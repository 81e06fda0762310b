#include "base/log.hh"

#include <mutex>
#include <utility>

#include "base/log_mute.hh"
#include "base/secret.hh"

namespace osb {
namespace {

std::mutex g_sink_mutex;
unsigned g_mutes = 0;  // guarded by the mutex

LogSink& sink() {
    static LogSink the_sink;
    return the_sink;
}

}  // namespace

void set_log_sink(LogSink new_sink) {
    const std::lock_guard lock(g_sink_mutex);
    sink() = std::move(new_sink);
}

void log(LogLevel level, const std::string& line) {
    const std::lock_guard lock(g_sink_mutex);
    if (g_mutes == 0 && sink()) sink()(level, without_secrets(line));
}

LogMute::LogMute() {
    const std::lock_guard lock(g_sink_mutex);
    ++g_mutes;
}

LogMute::~LogMute() {
    const std::lock_guard lock(g_sink_mutex);
    --g_mutes;
}

}  // namespace osb
