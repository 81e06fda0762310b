#include "base/interrupt.hh"

#include <atomic>
#include <csignal>

#include "base/error.hh"

namespace osb {
namespace {

std::atomic<int> g_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler must not take a lock");

void on_signal(int signal_number) {
    g_signal.store(signal_number, std::memory_order_relaxed);
}

}  // namespace

void install_interrupt_handlers() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    // SA_RESETHAND: the next signal has its default effect, so that a stuck program can still be ended.
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    struct sigaction present {};
    const bool is_ignored = sigaction(SIGHUP, nullptr, &present) == 0 && present.sa_handler == SIG_IGN;
    if (!is_ignored) sigaction(SIGHUP, &action, nullptr);
}

void check_interrupt() {
    const int signal_number = g_signal.load(std::memory_order_relaxed);
    if (signal_number != 0) throw Interrupted(signal_number);
}

void set_interrupted(int signal_number) noexcept {
    g_signal.store(signal_number, std::memory_order_relaxed);
}

}  // namespace osb
