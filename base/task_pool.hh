// A fixed number of threads for work that comes as a few long producers (decode a layer) which hand out many
// short tasks (store a file's content).
//
// A thread that has no producer runs tasks. When every thread has one, a producer runs its tasks itself, at
// once, while their bytes are still in the cache. So nobody waits for a thread that is not there, and what is
// queued stays small.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace osb {

// One short piece of work. It must not wait for another task.
class Task {
  public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;
    virtual void run() = 0;
};

class TaskPool {
  public:
    // What waiting tasks may hold, in bytes: enough to keep every thread busy, little enough to be no matter.
    static constexpr std::size_t kMaxQueued = 16UL * 1024 * 1024;

    // threads: how many, the caller of run() included; 0: one a core. max_queued: bytes that waiting tasks
    // may hold in memory.
    explicit TaskPool(unsigned threads, std::size_t max_queued = kMaxQueued);

    unsigned threads() const noexcept { return threads_; }

    // Adds a producer. Producers start in the order in which they were added. To be called before run().
    void add_producer(std::function<void()> producer);

    // For producers: has `task`, which holds `bytes` bytes, run by a thread that is free, or runs it now. The
    // exceptions of queued tasks end run(), not this call. Throws (what run() then ends with) when another
    // thread failed.
    void submit(std::unique_ptr<Task> task, std::size_t bytes);

    // For producers: runs queued tasks, or waits, until done() is true. done() is called with the pool's lock
    // held and must only look at what tasks set before they returned.
    void help_until(const std::function<bool()>& done);

    // Runs all producers and their tasks to the end. When one throws, the others are stopped at their next
    // submit() and the first exception is rethrown here, after all threads have ended.
    void run();

  private:
    struct Stopped {};  // unwinds a producer after another thread failed
    struct Queued {
        std::unique_ptr<Task> task;
        std::size_t bytes = 0;
    };
    using Lock = std::unique_lock<std::mutex>;

    void thread_loop();
    void run_producer(Lock& lock);
    void run_task(Lock& lock);
    void guarded(Lock& lock, const std::function<void()>& work);
    bool has_free_thread() const noexcept;

    const unsigned threads_;
    const std::size_t max_queued_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> producers_;
    std::deque<Queued> tasks_;
    std::size_t queued_bytes_ = 0;
    unsigned producing_ = 0;  // threads inside a producer
    unsigned working_ = 0;    // threads inside a queued task
    std::exception_ptr error_;
};

}  // namespace osb
