// A stream cut into pieces that several threads work on, and whose results come out in the order of the
// stream.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>

#include "base/task_pool.hh"

namespace osb::oci {

// One piece: the work is done on any thread, the result is taken on that of the stream's owner.
class Piece {
  public:
    Piece() = default;
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;
    virtual ~Piece() = default;

    // The work. It must not touch anything that another piece or the owner uses.
    virtual void run() = 0;
    // Takes the result. Called after run() has returned, piece by piece in the order of add().
    virtual void deliver() = 0;
    // The memory that the piece holds, in bytes, when it is added.
    virtual std::size_t size() const noexcept = 0;
};

// For use by one thread, which is a producer of `pool` where there is one.
class OrderedPieces {
  public:
    // pool: borrowed; null: everything is done at once on the calling thread. max_bytes: what pieces hold
    // that were not delivered yet; beyond it add() waits.
    OrderedPieces(TaskPool* pool, std::size_t max_bytes) noexcept : pool_(pool), max_bytes_(max_bytes) {}

    // Has the piece run, and delivers those at the front that are done. Throws what deliver() throws, and
    // what TaskPool::submit() throws.
    void add(std::shared_ptr<Piece> piece);

    // Waits for all pieces and delivers them.
    void finish();

  private:
    struct Slot {
        std::shared_ptr<Piece> piece;
        std::size_t size = 0;
        std::atomic<bool> done{false};
    };
    class SlotTask;

    void deliver_front();
    void wait_front();

    TaskPool* pool_;
    std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::deque<std::shared_ptr<Slot>> slots_;
};

}  // namespace osb::oci
