// A fixed number of threads for a few long producers (decode a layer) that submit many short tasks (store the
// content of a file).
//
// A thread without a producer runs tasks. If every thread has a producer, a producer runs its tasks itself,
// immediately, while their bytes are still in the cache. So nothing waits for a free thread, and the queue
// stays small.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

namespace osb {

// A short piece of work. It must not wait for another task.
class Task {
  public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;
    virtual void run() = 0;
};

// The pool. submit() and help_until() are thread-safe.
class TaskPool {
  public:
    // The default limit of bytes in queued tasks: enough to keep every thread busy.
    static constexpr std::size_t kMaxQueued = 16UL * 1024 * 1024;

    // threads: the number of threads, including the caller of run(); 0 selects one per core. max_queued: the
    // limit of bytes in queued tasks.
    explicit TaskPool(unsigned threads, std::size_t max_queued = kMaxQueued);

    unsigned threads() const noexcept { return threads_; }

    // Adds a producer. Producers start in the order in which they were added. Call it before run().
    void add_producer(std::function<void()> producer);

    // For producers: queues `task`, which holds `bytes` bytes, if a thread is free for it; otherwise runs it
    // on this thread. run() rethrows the exception of a queued task. If another thread has failed, this call
    // throws to unwind the producer.
    void submit(std::unique_ptr<Task> task, std::size_t bytes);

    // For producers: runs queued tasks, or waits, until done() returns true. The pool calls done() with its
    // lock held. done() may only read what tasks set before they returned.
    void help_until(const std::function<bool()>& done);

    // Runs all producers and their tasks to completion. If one of them throws, the other producers stop at
    // their next call of the pool. After all threads have ended, this call rethrows the first exception.
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
    unsigned started_;  // threads that there are; fewer than threads_ if the system allows no more
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
