#include "ostree/import/delta_fetch.hh"

#include <atomic>
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
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/held_commit.hh"
#include "ostree/objects/repository_reserve.hh"

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

// Ends the download of the next part when one cannot be applied.
class StopOnExit {
  public:
    explicit StopOnExit(std::atomic<bool>& stopped) : stopped_(stopped) {}
    StopOnExit(const StopOnExit&) = delete;
    StopOnExit& operator=(const StopOnExit&) = delete;
    ~StopOnExit() { stopped_ = true; }

  private:
    std::atomic<bool>& stopped_;
};

// The download of one blob to a file without a name.
Fd download(oci::ImageSource& source, const oci::Descriptor& blob, const Repository& repository,
            Progress& progress, const std::atomic<bool>& stopped) {
    const std::string directory = concat(repository.path(), "/tmp");
    const RepositoryReserve reserve(repository);
    reserve.check(blob.size);
    Fd file = open_unnamed_file(directory);
    const auto verified = open_verified(source, blob);
    std::vector<std::uint8_t> buffer(kCopyBuffer);
    while (const std::size_t n = verified->read(buffer)) {
        check_interrupt();
        if (stopped) throw Error(ErrorKind::invalid, "the delta is not needed any more");
        reserve.check(n);
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
          application_(repository, superblock_, image.limits) {}

    FetchedByDelta run() {
        std::uint64_t bytes = 0;
        for (std::size_t part = 0; part < delta_.parts.size(); ++part) {
            if (!application_.needs(part)) continue;
            needed_.push_back(part);
            bytes += delta_.parts[part].size;
        }
        progress_.begin("applying the delta", bytes);
        apply_needed();
        // Whoever pushed the delta may have left out signatures, or added any amount of rubbish.
        FetchedByDelta out{.commit = fetch_held_commit(image_)};
        check_same_commit(out.commit);
        out.bytes_read = delta_.superblock.size + bytes;
        out.objects_written = application_.objects_written();
        out.bytes_written = application_.bytes_written();
        return out;
    }

  private:
    void check_same_commit(const Encapsulated& held) const {
        if (held.commit == superblock_.to) return;
        throw Error(ErrorKind::invalid, "a delta to another commit than the image holds");
    }

    // Downloads one part while the one before is applied.
    void apply_needed() {
        const auto start = [&](std::size_t i) {
            return std::async(std::launch::async, [this, i] {
                return download(*image_.source, delta_.parts[needed_[i]], repository_, progress_, stopped_);
            });
        };
        std::future<Fd> next;
        const StopOnExit stop(stopped_);  // its destructor runs before that of `next`, which waits
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
    std::atomic<bool> stopped_{false};
};

}  // namespace

std::optional<FetchedByDelta> fetch_by_delta(Repository& repository, const oci::Image& image,
                                             const DeltaArtifact& delta, FetchWay way, unsigned threads,
                                             Progress& progress) {
    // Whatever is wrong with the delta, the image itself may be well.
    std::string problem;
    try {
        return DeltaFetch(repository, image, delta, threads, progress).run();
    } catch (const Error& error) {
        if (way == FetchWay::delta) throw;
        problem = error.message();
    } catch (const std::bad_alloc&) {
        problem = "out of memory";
    }
    warn_of_useless_delta(problem);
    return std::nullopt;
}

void warn_of_useless_delta(std::string_view problem) {
    log_warning(concat("the delta is of no use: ", problem, "; fetching objects"));
}

}  // namespace osb::ostree
