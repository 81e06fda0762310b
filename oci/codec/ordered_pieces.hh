// Parallel work on the pieces of a stream, with results in the order of the stream.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>

#include "base/task_pool.hh"

namespace osb::oci {

// A piece of the stream. Any thread runs it; the thread that owns the stream takes its result.
class Piece {
  public:
    Piece() = default;
    Piece(const Piece&) = delete;
    Piece& operator=(const Piece&) = delete;
    virtual ~Piece() = default;

    // Does the work. It must not access anything that another piece or the owner uses.
    virtual void run() = 0;
    // Delivers the result. Called after run() has returned, in the order of add().
    virtual void deliver() = 0;
    // The memory of the piece in bytes, at the time of add().
    virtual std::size_t size() const noexcept = 0;
};

// Runs pieces on a pool. Not thread-safe: one thread uses it, which must be a producer of `pool` unless that
// is null.
class OrderedPieces {
  public:
    // pool: borrowed; if it is null, the calling thread does all work at once. max_bytes: the limit of memory
    // in pieces that were not delivered yet; add() waits at this limit.
    OrderedPieces(TaskPool* pool, std::size_t max_bytes) noexcept : pool_(pool), max_bytes_(max_bytes) {}

    // Submits a piece, and delivers the completed pieces at the front. Throws the errors of deliver() and of
    // TaskPool::submit().
    void add(std::shared_ptr<Piece> piece);

    // Waits for all pieces and delivers them. Throws as add() does.
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
