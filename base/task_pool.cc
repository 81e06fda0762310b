#include "base/task_pool.hh"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace osb {

TaskPool::TaskPool(unsigned threads, std::size_t max_queued)
    : threads_(threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency())),
      started_(threads_),
      max_queued_(max_queued) {}

void TaskPool::add_producer(std::function<void()> producer) {
    const std::lock_guard lock(mutex_);
    producers_.push_back(std::move(producer));
}

bool TaskPool::has_free_thread() const noexcept {
    return producing_ < started_ && producers_.empty();
}

void TaskPool::submit(std::unique_ptr<Task> task, std::size_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        if (error_) throw Stopped{};
        if (has_free_thread() && queued_bytes_ + bytes <= max_queued_) {
            tasks_.push_back({std::move(task), bytes});
            queued_bytes_ += bytes;
            changed_.notify_one();
            return;
        }
    }
    task->run();
}

void TaskPool::help_until(const std::function<bool()>& done) {
    Lock lock(mutex_);
    while (!done()) {
        if (error_) throw Stopped{};
        if (tasks_.empty()) {
            changed_.wait(lock);
        } else {
            run_task(lock);
        }
    }
}

void TaskPool::guarded(Lock& lock, const std::function<void()>& work) {
    lock.unlock();
    std::exception_ptr failure;
    try {
        work();
    } catch (const Stopped&) {
        failure = nullptr;  // the failure that stopped it is recorded already
    } catch (...) {
        failure = std::current_exception();
    }
    lock.lock();
    if (failure && !error_) error_ = failure;
}

void TaskPool::run_producer(Lock& lock) {
    const std::function<void()> producer = std::move(producers_.front());
    producers_.pop_front();
    ++producing_;
    guarded(lock, producer);
    --producing_;
    changed_.notify_all();
}

void TaskPool::run_task(Lock& lock) {
    Queued queued = std::move(tasks_.front());
    tasks_.pop_front();
    ++working_;
    guarded(lock, [&queued] {
        queued.task->run();
        queued.task.reset();
    });
    queued_bytes_ -= queued.bytes;
    --working_;
    changed_.notify_all();
}

void TaskPool::thread_loop() {
    Lock lock(mutex_);
    for (;;) {
        if (error_) {
            producers_.clear();
            tasks_.clear();
            changed_.notify_all();
        }
        if (!producers_.empty()) {
            run_producer(lock);
        } else if (!tasks_.empty()) {
            run_task(lock);
        } else if (producing_ == 0) {
            return;
        } else {
            changed_.wait(lock);
        }
    }
}

void TaskPool::run() {
    std::vector<std::thread> others;
    others.reserve(threads_ - 1);
    try {
        for (unsigned i = 1; i < threads_; ++i) others.emplace_back([this] { thread_loop(); });
    } catch (const std::exception&) {
        // A limit of threads (`podman run --pids-limit`, TasksMax= of systemd) or of memory. Any number does.
        const std::lock_guard lock(mutex_);
        started_ = static_cast<unsigned>(others.size()) + 1;
    }
    thread_loop();
    for (std::thread& thread : others) thread.join();
    if (error_) std::rethrow_exception(error_);
}

}  // namespace osb
