// Interruption of libostree's long calls, which end on a GCancellable, not on a signal. Private to this
// folder.
#pragma once

#include <atomic>
#include <exception>
#include <thread>

#include "ostree/objects/glib.hh"

namespace osb::ostree {

// Watches for a stop request on another thread during one call.
class InterruptWatch {
  public:
    InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;
    ~InterruptWatch() { stop(); }

    // Pass it to the call. Valid during the lifetime of this object.
    GCancellable* cancellable() const noexcept { return cancellable_.get(); }
    // Call it after the call and before you check its error. Throws Interrupted if a stop request ended the
    // call.
    void finish();

  private:
    void stop();
    void watch();

    GObjectPtr<GCancellable> cancellable_;
    std::atomic<bool> done_{false};
    std::exception_ptr interrupted_;
    std::thread thread_;
};

}  // namespace osb::ostree
