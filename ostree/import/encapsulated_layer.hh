// A layer of an encapsulated image, read: every object in it is checked against its name and stored
// (docs/formats/encapsulated-image.md). Both forms are read that ostree-ext ever wrote: v1, and v0 with its
// separate attributes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "ostree/import/layer_reader.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// What the layers of one image bring besides objects in the repository.
struct Encapsulated {
    std::optional<CommitId> commit;  // nothing until it was read
    std::string commit_object;       // its bytes
    std::string detached;            // detached metadata, serialised; "" for none
};

class EncapsulatedLayerReader {
  public:
    // All are borrowed; the caller is one of the pool's producers. `holds_commit`: this is the first layer,
    // which has the metadata objects; the others hold content only. `record`, which may be null, is given the
    // entries that layer.hh describes.
    EncapsulatedLayerReader(LayerArchive archive, const LayerContext& context, Encapsulated& out,
                            bool holds_commit, Layer* record = nullptr)
        : tar_(archive.tar),
          meter_(archive.meter),
          budget_(context.budget),
          writer_(context.writer),
          pool_(context.pool),
          out_(out),
          holds_commit_(holds_commit),
          record_(record) {}

    // Reads the archive to its end. Throws Error, with the entry named: digest_mismatch for an object that is
    // not what its name says; invalid for one that is malformed, twice there or in the wrong layer, for
    // attributes without their file, and for a first layer without a commit.
    void read_all();

  private:
    struct ObjectName {
        std::string checksum;
        std::string suffix;
    };

    void take(const oci::TarEntry& entry, const std::string& path);
    void take_object(const oci::TarEntry& entry, const std::string& path, const ObjectName& name);
    void take_metadata(const ObjectName& name, const std::string& bytes);
    void share_xattrs(std::string_view name, XattrBytes bytes);
    void take_xattrs(const oci::TarEntry& entry, const std::string& path, const ObjectName& name);
    void take_file(const oci::TarEntry& entry, const ObjectName& name);
    LayerEntry& record(EntryKind kind);
    void record_name(const oci::TarEntry& entry, const std::string& path);
    void record_object(const FileMeta& meta, const std::string& target, const Sha256& checksum);
    void see(const std::string& object);
    std::unique_ptr<std::uint8_t[]> next_piece(std::size_t length);
    void store_later(const oci::TarEntry& entry, const FileMeta& meta, const Sha256& expected);
    Sha256 store_large(const FileMeta& meta, std::uint64_t size);
    std::string read_content(const oci::TarEntry& entry, std::size_t limit);
    void expect_regular(const oci::TarEntry& entry) const;

    oci::TarReader& tar_;
    LayerMeter& meter_;
    ImageBudget& budget_;
    ObjectWriter& writer_;
    TaskPool& pool_;
    Encapsulated& out_;
    bool holds_commit_;
    Layer* record_;
    std::string last_object_;                          // in hexadecimal digits
    std::map<std::string, XattrBytes> shared_xattrs_;  // by the name that links have as their target
    std::optional<std::pair<std::string, XattrBytes>> pending_;  // attributes of the file that must come next
    std::set<std::string> seen_;
};

}  // namespace osb::ostree
