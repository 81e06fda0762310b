// Fetches from the ordinary zstd:chunked layers of an image the files whose content a repository lacks, by
// ranges of the layers' blobs, instead of whole layers.
//
// The table of contents names the digest of each file. A content that an earlier import stored is taken from
// the repository, whatever its owner and mode. Each content that is fetched or rewritten is checked against
// its digest before it is stored. So wrong bytes cost a whole read of the layer, and never lead to a wrong
// file.
//
// If the blob has tar-split data (podman since 4.7), the layer's archive is reproduced from them and from the
// contents, its diffID is checked, and the layer is built of the archive (table_layer.hh): it is as good as
// one that was read whole. Otherwise the layer is built of the table's entries. The table is the word of
// whoever made the manifest, which has its digest, and may list something else than the archive. So the
// result is recorded for this table only (Layer::table).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/content_index.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// The fetch of one image's files. Not thread-safe.
class FileFetch {
  public:
    // Plans the fetch for the layers `unread` (indexes in the manifest of ordinary layers), and reads their
    // tables. Uses `repository`, `image` and `tables`, which are borrowed; a transaction of the caller keeps
    // what is there. Throws Error{unavailable}; Error{usage} if `way` is `objects`, the image does not hold a
    // commit, and a layer has no table; Interrupted.
    FileFetch(const Repository& repository, const oci::Image& image, const std::vector<std::size_t>& unread,
              ImageTables& tables, FetchWay way, unsigned threads);

    // The bytes that are still to be fetched: all, and those of files; and the requests of the whole plan.
    std::uint64_t bytes() const noexcept;
    std::uint64_t content_bytes() const noexcept;
    std::uint64_t requests() const noexcept;
    // True if the layer is fetched by files, or needs no fetch. Other layers have to be read whole.
    bool covers(std::size_t index) const;

    // Fetches files in ranges of about `limit` bytes, or all that are left. A layer whose ranges turn out to
    // be wrong is no longer covered. Throws Error: unavailable, no_space, io; Interrupted.
    void run(ObjectWriter& writer, Progress& progress, std::uint64_t limit = UINT64_MAX);
    // Fetches tar-split data, and builds the covered layers after run() has fetched all files. Takes the
    // other files from the repository, and writes them again with other metadata if necessary. A layer that
    // import would refuse, or whose diffID turns out to be wrong, is no longer covered. Throws as run().
    void build(ObjectWriter& writer, Progress& progress);

    // A covered layer after build(); nullptr for another layer.
    std::shared_ptr<const Layer> layer(std::size_t index) const;
    // The files of each layer that run() has fetched so far or that were known (Layer::is_partial), so that
    // an interrupted fetch is continued. Objects that `writer` does not hold are left out: others may have
    // been pruned since the fetch was planned.
    std::vector<std::shared_ptr<const Layer>> partial_layers(const ObjectWriter& writer) const;
    std::uint64_t bytes_fetched() const noexcept { return bytes_fetched_; }

  private:
    struct Job;
    class Run;
    void read_tables(const std::vector<std::size_t>& unread, ImageTables& tables);
    void plan(FetchWay way);
    // As ObjectFetch: layers beyond the limits of an image are left to be read whole.
    void keep_within_limits();
    const Job* find(std::size_t index) const;

    const Repository& repository_;
    const oci::Image& image_;
    unsigned threads_;
    std::vector<std::shared_ptr<Job>> jobs_;
    std::optional<ContentIndex> index_;
    ImageBudget budget_;  // of all layers until they are built, whatever becomes of them
    std::uint64_t bytes_fetched_ = 0;
};

}  // namespace osb::ostree
