// A pool of objects that are expensive to create, such as compression contexts and buffers.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace osb {

// Lends each caller an object of its own and reuses returned objects. Thread-safe. The pool creates as many
// objects as are in use at the same time. The order of reuse is unspecified, so the result of an object must
// not depend on its earlier use.
template<typename T>
class ObjectPool {
  public:
    explicit ObjectPool(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}
    ObjectPool(const ObjectPool&) = delete;
    ObjectPool& operator=(const ObjectPool&) = delete;
    ~ObjectPool() = default;

    // Holds an object and returns it to the pool on destruction. Must not outlive the ObjectPool.
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

    // Lends an idle object or creates one. Throws the exceptions of the factory function.
    Lease take() {
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                std::unique_ptr<T> object = std::move(idle_.back());
                idle_.pop_back();
                return Lease(*this, std::move(object));
            }
            // Reserve space for the return, so that give() does not allocate.
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
