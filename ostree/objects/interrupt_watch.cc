#include "ostree/objects/interrupt_watch.hh"

#include <chrono>

#include "base/interrupt.hh"

namespace osb::ostree {

InterruptWatch::InterruptWatch() : cancellable_(g_cancellable_new()), thread_([this] { watch(); }) {}

void InterruptWatch::finish() {
    stop();
    if (interrupted_) std::rethrow_exception(interrupted_);
}

void InterruptWatch::stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
}

void InterruptWatch::watch() {
    constexpr auto kPause = std::chrono::milliseconds(50);
    while (!done_) {
        try {
            check_interrupt();
        } catch (const Interrupted&) {
            interrupted_ = std::current_exception();
            g_cancellable_cancel(cancellable_.get());
            return;
        }
        std::this_thread::sleep_for(kPause);
    }
}

}  // namespace osb::ostree
