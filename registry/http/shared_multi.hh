// Transfers of several threads over common connections: with HTTP/2, requests to one server share one.
// Private to this folder.
//
// libcurl allows only one thread at a time in a multi handle. The thread that waits for its transfer drives
// all of them; the others wait until something has happened. So no further thread is needed, and a transfer
// goes on as long as anybody waits.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "registry/http/curl.hh"

namespace osb::registry {

// A multi handle for several threads. Callbacks of libcurl run in any thread that calls a member, with the
// mutex locked; they must not call members.
class SharedMulti {
  public:
    // Throws std::bad_alloc.
    SharedMulti();
    SharedMulti(const SharedMulti&) = delete;
    SharedMulti& operator=(const SharedMulti&) = delete;
    ~SharedMulti() = default;

    // Protects what callbacks write.
    std::mutex& mutex() noexcept { return mutex_; }

    // Calls use(multi handle) while no other thread uses it, with the mutex locked. Also for calls with an
    // easy handle that was added.
    template<typename Use>
    void exclusively(const Use& use) {
        std::unique_lock lock(mutex_);
        ++waiting_;
        while (is_driven_) {
            curl_multi_wakeup(multi_.get());
            changed_.wait(lock);
        }
        --waiting_;
        use(multi_.get());
        changed_.notify_all();
    }

    // Transfers what is there. Then waits for more, at most `step`, or until another thread has done so; not
    // at all if is_satisfied(), which is called with the mutex locked, is true. Calls finish(handle, result)
    // for each transfer that has ended, with the mutex locked. Throws Error{internal}.
    template<typename IsSatisfied, typename Finish>
    void drive(std::chrono::milliseconds step, const IsSatisfied& is_satisfied, const Finish& finish) {
        std::unique_lock lock(mutex_);
        if (is_satisfied()) return;
        if (is_driven_ || waiting_ > 0) {
            changed_.wait_for(lock, step);
            return;
        }
        perform();
        for (const auto& [handle, result] : take_results()) finish(handle, result);
        changed_.notify_all();
        if (is_satisfied()) return;
        is_driven_ = true;
        lock.unlock();
        const CURLMcode code =
            curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(step.count()), nullptr);
        lock.lock();
        is_driven_ = false;
        changed_.notify_all();
        check(code);
    }

  private:
    struct Result {
        CURL* handle;
        CURLcode code;
    };
    void perform();
    std::vector<Result> take_results();

    Multi multi_;
    std::mutex mutex_;  // protects the following members
    std::condition_variable changed_;
    bool is_driven_ = false;  // a thread waits for the network
    unsigned waiting_ = 0;    // threads in exclusively()
};

}  // namespace osb::registry
