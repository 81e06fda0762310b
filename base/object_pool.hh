// Objects that cost much to make (compression contexts, buffers), kept for whoever needs one next.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace osb {

// Threads may use it at once; each gets an object of its own. There are as many as were ever in use at the
// same time. The order in which they are handed out is not fixed: what they do must not depend on what they
// did before.
template<typename T>
class ObjectPool {
  public:
    explicit ObjectPool(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}
    ObjectPool(const ObjectPool&) = delete;
    ObjectPool& operator=(const ObjectPool&) = delete;
    ~ObjectPool() = default;

    // Holds an object, and gives it back when it goes. Must not outlive the ObjectPool.
    class Lease {
      public:
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        ~Lease() {
            if (object_) owner_->give(std::move(object_));
        }
        T& operator*() const noexcept { return *object_; }
        T* operator->() const noexcept { return object_.get(); }

      private:
        friend class ObjectPool;
        Lease(ObjectPool& owner, std::unique_ptr<T> object) noexcept
            : owner_(&owner), object_(std::move(object)) {}

        ObjectPool* owner_;
        std::unique_ptr<T> object_;
    };

    // Throws what making an object throws.
    Lease take() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                std::unique_ptr<T> object = std::move(idle_.back());
                idle_.pop_back();
                return Lease(*this, std::move(object));
            }
            // Room for the return, so that give() need not allocate.
            idle_.reserve(++made_);
        }
        return Lease(*this, make_());
    }

  private:
    void give(std::unique_ptr<T> object) noexcept {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(object));
    }

    std::function<std::unique_ptr<T>()> make_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<T>> idle_;
    std::size_t made_ = 0;
};

}  // namespace osb
