#include "base/task_pool.hh"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace osb {
namespace {

class Count final : public Task {
  public:
    Count(std::atomic<int>& count, int fail_at = -1) : count_(count), fail_at_(fail_at) {}
    void run() override {
        if (count_.fetch_add(1) == fail_at_) throw std::runtime_error("task");
    }

  private:
    std::atomic<int>& count_;
    int fail_at_;
};

TEST(TaskPoolThreads, RunsEverythingWithAnyNumberOfThreads) {
    for (const unsigned threads : {1U, 2U, 3U, 8U}) {
        std::atomic<int> count{0};
        TaskPool pool(threads, 100);
        for (int p = 0; p < 3; ++p) {
            pool.add_producer([&] {
                for (int i = 0; i < 500; ++i) pool.submit(std::make_unique<Count>(count), 10);
            });
        }
        pool.run();
        EXPECT_EQ(count, 1500) << threads;
    }
}

TEST(TaskPoolThreads, QueueIsBounded) {
    // A task that is larger than the queue is run by the producer itself.
    std::atomic<int> count{0};
    TaskPool pool(4, 10);
    pool.add_producer([&] {
        pool.submit(std::make_unique<Count>(count), 11);
        EXPECT_EQ(count, 1);
    });
    pool.run();
}

TEST(TaskPoolThreads, FirstFailureStopsTheRest) {
    for (const unsigned threads : {1U, 2U, 4U}) {
        std::atomic<int> count{0};
        std::atomic<int> producers_ended{0};
        TaskPool pool(threads, 1000);
        for (int p = 0; p < 4; ++p) {
            pool.add_producer([&] {
                for (int i = 0; i < 100000; ++i) pool.submit(std::make_unique<Count>(count, 200), 1);
                ++producers_ended;
            });
        }
        EXPECT_THROW(pool.run(), std::runtime_error) << threads;
        EXPECT_LT(producers_ended, 4);
        EXPECT_LT(count, 400000);
    }
}

TEST(TaskPoolThreads, FailureOfAProducerIsRethrown) {
    TaskPool pool(2, 1000);
    pool.add_producer([] { throw std::logic_error("producer"); });
    pool.add_producer([] {});
    EXPECT_THROW(pool.run(), std::logic_error);
}

class Mark final : public Task {
  public:
    explicit Mark(std::atomic<bool>& done) : done_(done) {}
    void run() override { done_ = true; }

  private:
    std::atomic<bool>& done_;
};

TEST(TaskPoolThreads, ProducersMayWaitForTheirTasks) {
    for (const unsigned threads : {1U, 2U, 4U}) {
        TaskPool pool(threads, 1000);
        std::atomic<int> rounds{0};
        for (int p = 0; p < 5; ++p) {
            pool.add_producer([&] {
                for (int i = 0; i < 200; ++i) {
                    std::atomic<bool> done{false};
                    pool.submit(std::make_unique<Mark>(done), 1);
                    pool.help_until([&done] { return done.load(); });
                    ++rounds;
                }
            });
        }
        pool.run();
        EXPECT_EQ(rounds, 1000) << threads;
    }
}

TEST(TaskPoolThreads, OneACoreUnlessSaidOtherwise) {
    EXPECT_EQ(TaskPool(3).threads(), 3U);
    EXPECT_GE(TaskPool(0).threads(), 1U);
}

}  // namespace
}  // namespace osb
