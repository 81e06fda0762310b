// libostree's long calls end when a GCancellable says so, not when a signal comes. Internal to this folder.
#pragma once

#include <atomic>
#include <exception>
#include <thread>

#include "ostree/objects/glib.hh"

namespace osb::ostree {

// For the time of one call: another thread looks whether the user has asked to stop.
class InterruptWatch {
  public:
    InterruptWatch();
    InterruptWatch(const InterruptWatch&) = delete;
    InterruptWatch& operator=(const InterruptWatch&) = delete;
    ~InterruptWatch() { stop(); }

    // To be handed to the call; lives as long as this object.
    GCancellable* cancellable() const noexcept { return cancellable_.get(); }
    // To be called after it, before its error is looked at. Throws Interrupted when that is why it ended.
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
