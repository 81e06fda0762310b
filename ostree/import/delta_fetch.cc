#include "ostree/import/delta_fetch.hh"

#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "base/unnamed_file.hh"
#include "oci/codec/verified_source.hh"
#include "ostree/delta/apply_delta.hh"
#include "ostree/import/complete_commit.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/objects/detached_metadata.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kCopyBuffer = 256UL * 1024;

std::unique_ptr<oci::VerifiedSource> open_verified(oci::ImageSource& source, const oci::Descriptor& blob) {
    return std::make_unique<oci::VerifiedSource>(source.open_blob(blob), blob.digest, blob.size);
}

DeltaSuperblock read_superblock(const oci::Image& image, const DeltaArtifact& delta) {
    const auto source = open_verified(*image.source, delta.superblock);
    const std::string bytes = read_all(*source, kMaxSuperblock, "a superblock");
    DeltaSuperblock out = parse_superblock(as_bytes(bytes));
    if (out.from != delta.facts.from || out.to != delta.facts.to)
        throw Error(ErrorKind::invalid, "a delta between other commits than its manifest names");
    check_promised_commit(image, out.to);
    if (out.parts.size() != delta.parts.size())
        throw Error(ErrorKind::invalid, "a delta with another number of parts than its superblock names");
    return out;
}

// The download of one blob to a file without a name.
Fd download(oci::ImageSource& source, const oci::Descriptor& blob, const std::string& directory,
            Progress& progress) {
    Fd file = open_unnamed_file(directory);
    const auto verified = open_verified(source, blob);
    std::vector<std::uint8_t> buffer(kCopyBuffer);
    while (const std::size_t n = verified->read(buffer)) {
        check_interrupt();
        write_all(file.get(), ByteView(buffer).first(n), directory);
        progress.advance(n);
    }
    return file;
}

class DeltaFetch {
  public:
    DeltaFetch(Repository& repository, const oci::Image& image, const DeltaArtifact& delta, unsigned threads,
               Progress& progress)
        : repository_(repository),
          image_(image),
          delta_(delta),
          threads_(threads),
          progress_(progress),
          superblock_(read_superblock(image, delta)),
          application_(repository, superblock_) {}

    FetchedByDelta run() {
        std::uint64_t bytes = 0;
        for (std::size_t part = 0; part < delta_.parts.size(); ++part) {
            if (!application_.needs(part)) continue;
            needed_.push_back(part);
            bytes += delta_.parts[part].size;
        }
        progress_.begin("applying the delta", bytes);
        apply_needed();
        check_complete(repository_, superblock_.to, superblock_.commit_object);
        FetchedByDelta out{.commit = {.commit = superblock_.to,
                                      .commit_object = superblock_.commit_object,
                                      .detached = superblock_.detached}};
        // Malformed metadata would fail when the commit is written, after the way back to objects.
        join_detached_metadata("", out.commit.detached, Preferred::present);
        out.bytes_read = delta_.superblock.size + bytes;
        out.objects_written = application_.objects_written();
        out.bytes_written = application_.bytes_written();
        return out;
    }

  private:
    // Downloads one part while the one before is applied.
    void apply_needed() {
        const std::string directory = concat(repository_.path(), "/tmp");
        const auto start = [&](std::size_t i) {
            return std::async(std::launch::async, [this, i, directory] {
                return download(*image_.source, delta_.parts[needed_[i]], directory, progress_);
            });
        };
        std::future<Fd> next;
        if (!needed_.empty()) next = start(0);
        for (std::size_t i = 0; i < needed_.size(); ++i) {
            const Fd file = next.get();
            if (i + 1 < needed_.size()) next = start(i + 1);
            const std::uint64_t size = delta_.parts[needed_[i]].size;
            FileRangeSource blob(file.get(), 0, size, "a part of a delta");
            application_.apply(needed_[i], blob, size, threads_);
        }
    }

    Repository& repository_;
    const oci::Image& image_;
    const DeltaArtifact& delta_;
    const unsigned threads_;
    Progress& progress_;
    const DeltaSuperblock superblock_;
    DeltaApplication application_;
    std::vector<std::size_t> needed_;
};

// True for errors after which the image may still be fetched in another way.
bool is_fault_of_delta(const Error& error) noexcept {
    switch (error.kind()) {
        case ErrorKind::invalid:
        case ErrorKind::digest_mismatch:
        case ErrorKind::unsupported:
        case ErrorKind::too_large:
        case ErrorKind::not_found:
        case ErrorKind::unavailable:
        case ErrorKind::no_space:
            return true;
        default:
            return false;
    }
}

}  // namespace

std::optional<FetchedByDelta> fetch_by_delta(Repository& repository, const oci::Image& image,
                                             const DeltaArtifact& delta, FetchWay way, unsigned threads,
                                             Progress& progress) {
    try {
        return DeltaFetch(repository, image, delta, threads, progress).run();
    } catch (const Error& error) {
        if (way == FetchWay::delta || !is_fault_of_delta(error)) throw;
        log_warning(concat("the delta is of no use: ", error.message(), "; fetching objects"));
    }
    return std::nullopt;
}

}  // namespace osb::ostree
