#include "ostree/delta/delta_content.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "ostree/delta/bspatch.hh"
#include "ostree/delta/malformed_delta.hh"

namespace osb::ostree {
namespace {

// An object may use the bytes of a base this often. Without a limit, a few bytes could ask for any amount of
// disk.
constexpr std::uint64_t kMaxRepeats = 16;
constexpr std::uint64_t kFree = 1024UL * 1024;

class PiecesSource final : public Source {
  public:
    PiecesSource(const std::vector<DeltaPiece>& pieces, ByteView payload, LoadBase load)
        : pieces_(pieces), payload_(payload), load_(std::move(load)) {}

    std::size_t read(MutableBytes buffer) override {
        while (next_ < pieces_.size()) {
            const DeltaPiece& piece = pieces_[next_];
            const std::uint64_t left = piece.length - done_;
            if (left == 0) {
                ++next_;
                done_ = 0;
                continue;
            }
            buffer = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left)));
            copy(piece, buffer);
            done_ += buffer.size();
            return buffer.size();
        }
        return 0;
    }

  private:
    void copy(const DeltaPiece& piece, MutableBytes buffer) {
        if (piece.source == PieceSource::payload) {
            const ByteView bytes =
                payload_.subspan(static_cast<std::size_t>(piece.offset + done_), buffer.size());
            std::copy(bytes.begin(), bytes.end(), buffer.begin());
            return;
        }
        const BaseObject& base = base_of(piece);
        if (piece.offset > base.size()) fail_delta("a range outside the base");
        if (done_ == 0) charge(base, piece);
        base.read_at(piece.offset + done_, buffer);
    }

    const BaseObject& base_of(const DeltaPiece& piece) {
        if (base_ == nullptr || base_name_ != piece.base) {
            base_ = load_(piece.base);
            base_name_ = piece.base;
            copied_ = 0;
        }
        return *base_;
    }

    void charge(const BaseObject& base, const DeltaPiece& piece) {
        copied_ += std::min(piece.length, base.size());
        if (copied_ > base.size() * kMaxRepeats + kFree)
            throw Error(ErrorKind::too_large, "static delta: it repeats the same bytes too often");
    }

    const std::vector<DeltaPiece>& pieces_;
    ByteView payload_;
    LoadBase load_;
    std::size_t next_ = 0;
    std::uint64_t done_ = 0;  // of the piece
    std::shared_ptr<const BaseObject> base_;
    Sha256 base_name_{};
    std::uint64_t copied_ = 0;  // of base_
};

}  // namespace

std::unique_ptr<Source> open_content(const DeltaObject& object, ByteView payload, const LoadBase& load) {
    if (object.pieces.size() == 1 && object.pieces.front().source == PieceSource::patch) {
        const DeltaPiece& piece = object.pieces.front();
        const ByteView patch =
            payload.subspan(static_cast<std::size_t>(piece.offset), static_cast<std::size_t>(piece.length));
        return apply_patch(load(piece.base), patch, object.size);
    }
    return std::make_unique<PiecesSource>(object.pieces, payload, load);
}

}  // namespace osb::ostree
