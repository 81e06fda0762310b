// Fetches from an encapsulated image the objects that a repository lacks, by ranges of the layers' blobs
// (zstd:chunked), instead of whole layers.
//
// Each object is checked against its ostree checksum before it is stored. So a wrong table of contents, or
// wrong bytes in a range, cost a whole read of the layer and never lead to a wrong object. The diffID of a
// layer is not checked, because its archive is not read: the checksums of the commit and its objects are the
// stronger promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/log.hh"
#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/import/fetch_way.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/layer_objects.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Throws Error{usage} for a way that the image cannot offer: `delta` for one that is not only a commit.
void check_fetch_way(const oci::Image& image, FetchWay way);

// Throws Error{usage} for `objects`: a layer has no table of contents.
[[noreturn]] void throw_no_table();

// Layers of which more than this part is missing, in several ranges, are read whole: in percent of the blob's
// size.
inline constexpr std::uint64_t kWholeLayerPercent = 85;

// True for an error of the data of a table or a range, after which the layer itself may still be readable.
bool is_fault_of_layer(const Error& error) noexcept;

// Calls attempt(way, uses_tables), which fetches an image and sets uses_tables if it relies on tables of
// contents. A table may leave out an object that the commit needs, although the layer has it. If the attempt
// fails for such a reason, and `way` is automatic, it is repeated once with whole layers.
template<typename Attempt>
auto fetch_with_tables(FetchWay way, const Attempt& attempt) {
    bool uses_tables = false;
    try {
        return attempt(way, uses_tables);
    } catch (const Error& error) {
        if (!uses_tables || way != FetchWay::automatic || !is_fault_of_layer(error)) throw;
        log_warning(concat(error.message(), "; reading whole layers"));
    }
    return attempt(FetchWay::layers, uses_tables);
}

// The evidence that a fetch relies on: one of whole layers does not rely on tables.
Evidence evidence_for(FetchWay way) noexcept;

// The fetch of one image. Not thread-safe.
class ObjectFetch {
  public:
    // Plans the fetch for the layers `unread` (indexes in the manifest, below the number of layers that hold
    // the commit), and reads their tables. Uses `repository` and `tables`, which are borrowed, to see what is
    // missing: a transaction of the caller keeps what is there. Throws Error{unavailable}; Error{usage} if
    // `way` is `objects` and a layer has no table; Interrupted.
    ObjectFetch(const Repository& repository, const oci::Image& image, const std::vector<std::size_t>& unread,
                ImageTables& tables, FetchWay way, unsigned threads);

    // The bytes that are still to be fetched, and the requests of the whole plan.
    std::uint64_t bytes() const noexcept;
    std::uint64_t requests() const noexcept;
    // True if the layer is fetched by objects, or needs no fetch. Other layers have to be read whole.
    bool covers(std::size_t index) const;

    // Fetches ranges of about `limit` bytes, or all that are left. A layer whose ranges turn out to be wrong
    // is no longer covered. Throws Error: unavailable, no_space, io; Interrupted.
    void run(ObjectWriter& writer, Progress& progress, std::uint64_t limit = UINT64_MAX);

    // The content of a covered layer after run() has fetched everything; nullptr for another layer.
    std::shared_ptr<const Layer> layer(std::size_t index) const;
    // The commit, if its layer was fetched; otherwise empty.
    const Encapsulated& commit() const noexcept { return commit_; }
    std::uint64_t bytes_fetched() const noexcept { return bytes_fetched_; }

  private:
    struct Job;
    class Run;
    const Job* find(std::size_t index) const;
    // Layers whose objects would exceed the limits of an image (image_budget.hh) are left to be read whole,
    // which has the same limits.
    void keep_within_limits();

    const oci::Image& image_;
    unsigned threads_;
    std::vector<std::shared_ptr<Job>> jobs_;
    Encapsulated commit_;
    std::uint64_t bytes_fetched_ = 0;
};

}  // namespace osb::ostree
