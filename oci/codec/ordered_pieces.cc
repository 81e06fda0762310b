#include "oci/codec/ordered_pieces.hh"

#include <utility>

#include "base/interrupt.hh"

namespace osb::oci {

// Shares ownership of the slot, so that a thread can finish its piece after the stream was abandoned.
class OrderedPieces::SlotTask final : public Task {
  public:
    explicit SlotTask(std::shared_ptr<Slot> slot) noexcept : slot_(std::move(slot)) {}
    void run() override {
        slot_->piece->run();
        slot_->done.store(true, std::memory_order_release);
    }

  private:
    std::shared_ptr<Slot> slot_;
};

void OrderedPieces::add(std::shared_ptr<Piece> piece) {
    check_interrupt();
    const std::size_t size = piece->size();
    auto slot = std::make_shared<Slot>();
    slot->piece = std::move(piece);
    slot->size = size;
    slots_.push_back(slot);
    bytes_ += size;
    auto task = std::make_unique<SlotTask>(std::move(slot));
    if (pool_ == nullptr) {
        task->run();
    } else {
        pool_->submit(std::move(task), size);
    }
    while (!slots_.empty()) {
        if (!slots_.front()->done.load(std::memory_order_acquire)) {
            if (bytes_ <= max_bytes_) return;
            wait_front();
        }
        deliver_front();
    }
}

void OrderedPieces::finish() {
    while (!slots_.empty()) {
        if (!slots_.front()->done.load(std::memory_order_acquire)) wait_front();
        deliver_front();
    }
}

void OrderedPieces::wait_front() {
    const Slot& front = *slots_.front();
    pool_->help_until([&front] { return front.done.load(std::memory_order_acquire); });
}

void OrderedPieces::deliver_front() {
    const std::shared_ptr<Slot> front = std::move(slots_.front());
    slots_.pop_front();
    bytes_ -= front->size;
    front->piece->deliver();
}

}  // namespace osb::oci
