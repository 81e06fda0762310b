// Application of a static delta to a repository. libostree's own code ends the program for some malformed
// deltas, and cannot write to archive repositories; a delta comes from whoever can write to the registry.
//
// Each object is checked against its checksum before it is stored, and files that are not part of the commit
// are not written. So a wrong delta costs its transfer, and never leads to a wrong object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

#include "base/progress.hh"
#include "base/stream.hh"
#include "ostree/delta/delta_superblock.hh"
#include "ostree/objects/object_lookup.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {

// The application of one delta, part by part. Objects of a part are durable when apply() returns, without a
// ref or commit that needs them. Not thread-safe.
class DeltaApplication {
  public:
    // Borrows the repository and the delta. `limits` are those of the image that the delta makes.
    DeltaApplication(Repository& repository, const DeltaSuperblock& delta, const ImageLimits& limits = {});

    // True if the repository lacks an object of this part.
    bool needs(std::size_t part) const;

    // Reads the part from `blob`, which has `size` bytes, and stores the objects that the repository lacks.
    // Parts must be applied in order: the first ones hold the directories. Throws Error: invalid,
    // digest_mismatch, unsupported, too_large for a malformed or wrong part; not_found if a base is missing;
    // no_space, io. Throws Interrupted.
    void apply(std::size_t part, Source& blob, std::uint64_t size, unsigned threads);

    std::uint64_t objects_written() const noexcept { return objects_written_; }
    std::uint64_t bytes_written() const noexcept { return bytes_written_; }

  private:
    void store_directories(const DeltaPartInfo& part, ByteView bytes);
    void store_files(const DeltaPartInfo& part, ByteView bytes, unsigned threads);
    const std::set<Sha256>& files_of_commit();
    void finish(ObjectWriter& writer);

    Repository& repository_;
    const DeltaSuperblock& delta_;
    ObjectLookup present_;
    ImageBudget budget_;
    std::optional<std::set<Sha256>> files_of_commit_;
    std::uint64_t objects_written_ = 0;
    std::uint64_t bytes_written_ = 0;
};

}  // namespace osb::ostree
