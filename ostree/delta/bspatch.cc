#include "ostree/delta/bspatch.hh"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/byte_order.hh"
#include "ostree/delta/malformed_delta.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kNumber = 8;

class PatchSource final : public Source {
  public:
    PatchSource(std::shared_ptr<const BaseObject> old, ByteView patch, std::uint64_t size)
        : old_(std::move(old)), patch_(patch), left_(size) {}

    std::size_t read(MutableBytes buffer) override {
        while (to_add_ == 0 && to_copy_ == 0) {
            if (left_ == 0) return 0;
            next_block();
        }
        const bool adds = to_add_ > 0;
        std::uint64_t& part = adds ? to_add_ : to_copy_;
        buffer = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), part)));
        const ByteView bytes = take(buffer.size());
        std::copy(bytes.begin(), bytes.end(), buffer.begin());
        if (adds) add_old(buffer);
        part -= buffer.size();
        left_ -= buffer.size();
        if (to_add_ == 0 && to_copy_ == 0) old_at_ += std::exchange(jump_, 0);
        return buffer.size();
    }

  private:
    ByteView take(std::size_t size) {
        if (size > patch_.size()) fail_delta("a patch with too few bytes");
        const ByteView out = patch_.first(size);
        patch_ = patch_.subspan(size);
        return out;
    }

    // Little-endian, with the sign in the highest bit.
    std::int64_t next_number() {
        constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;
        const std::uint64_t value = from_little_endian(take(kNumber));
        const auto magnitude = static_cast<std::int64_t>(value & ~kSign);
        return (value & kSign) != 0 ? -magnitude : magnitude;
    }

    void next_block() {
        const std::int64_t add = next_number();
        const std::int64_t copy = next_number();
        jump_ = next_number();
        if (add < 0 || copy < 0) fail_delta("a patch with a negative length");
        to_add_ = static_cast<std::uint64_t>(add);
        to_copy_ = static_cast<std::uint64_t>(copy);
        if (to_add_ > left_ || to_copy_ > left_ - to_add_) fail_delta("a patch with too many bytes");
        // No file is so large; with it, positions cannot overflow.
        constexpr std::int64_t kFar = std::int64_t{1} << 50U;
        if (jump_ < -kFar || jump_ > kFar || old_at_ < -kFar || old_at_ > kFar)
            fail_delta("a patch with a jump too far");
        if (to_add_ == 0 && to_copy_ == 0) old_at_ += std::exchange(jump_, 0);
    }

    // Bytes outside the old content count as 0.
    void add_old(MutableBytes buffer) {
        const auto size = static_cast<std::int64_t>(old_->size());
        const std::int64_t begin = std::clamp<std::int64_t>(old_at_, 0, size);
        const std::int64_t end =
            std::clamp<std::int64_t>(old_at_ + static_cast<std::int64_t>(buffer.size()), 0, size);
        if (begin < end) {
            old_bytes_.resize(static_cast<std::size_t>(end - begin));
            old_->read_at(static_cast<std::uint64_t>(begin), old_bytes_);
            std::uint8_t* const to = buffer.data() + (begin - old_at_);
            for (std::size_t i = 0; i < old_bytes_.size(); ++i)
                to[i] = static_cast<std::uint8_t>(to[i] + old_bytes_[i]);
        }
        old_at_ += static_cast<std::int64_t>(buffer.size());
    }

    std::shared_ptr<const BaseObject> old_;
    ByteView patch_;
    std::uint64_t left_;  // of the new content
    std::uint64_t to_add_ = 0;
    std::uint64_t to_copy_ = 0;
    std::int64_t jump_ = 0;    // of old_at_ after this block
    std::int64_t old_at_ = 0;  // may lie outside the old content
    std::vector<std::uint8_t> old_bytes_;
};

}  // namespace

std::unique_ptr<Source> apply_patch(std::shared_ptr<const BaseObject> old, ByteView patch,
                                    std::uint64_t size) {
    return std::make_unique<PatchSource>(std::move(old), patch, size);
}

}  // namespace osb::ostree
