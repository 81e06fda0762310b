#include "ostree/import/table_layer.hh"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "oci/codec/unzstd.hh"
#include "oci/tar/tar_split_reader.hh"
#include "ostree/import/layer_builder.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/tree/image_budget.hh"

namespace osb::ostree {
namespace {

// The groups of a plan by their contents, and by the paths of their files in the table.
class Groups {
  public:
    explicit Groups(const FilePlan& plan) : plan_(plan) {
        for (std::size_t i = 0; i < plan.groups.size(); ++i) {
            by_digest_.emplace(plan.groups[i].digest, i);
            for (const oci::TocEntry* const file : plan.groups[i].files) by_path_.emplace(file->tar.path, i);
        }
    }

    // Throws Error{digest_mismatch} if the table has no such content.
    std::size_t find(const Sha256& digest, std::uint64_t size) const {
        const auto found = by_digest_.find(digest);
        if (found != by_digest_.end() && plan_.groups[found->second].size == size) return found->second;
        throw Error(ErrorKind::digest_mismatch, "the table of contents lacks the content of a file");
    }

    // A guess of the bytes that belong in an archive, to be checked: tar-split data only have names. Throws
    // Error{digest_mismatch} if the table has no such file with content.
    std::size_t guess(const std::string& path, std::uint64_t size) const {
        const auto found = by_path_.find(path);
        if (found != by_path_.end() && plan_.groups[found->second].size == size) return found->second;
        throw Error(ErrorKind::digest_mismatch,
                    concat("the table of contents contradicts the archive: ", quoted(path)));
    }

  private:
    const FilePlan& plan_;
    std::map<Sha256, std::size_t> by_digest_;
    std::unordered_map<std::string_view, std::size_t> by_path_;
};

// The digest of the content of a file that is not empty.
using DigestOf = std::function<Sha256(const oci::TarEntry&)>;

class TableLayerBuilder final : public LayerBuilder {
  public:
    TableLayerBuilder(const std::shared_ptr<Layer>& layer, ObjectWriter& writer, ImageBudget& budget,
                      const Groups& groups, DigestOf digest_of)
        : LayerBuilder(layer, writer, budget),
          writer_(writer),
          budget_(budget),
          groups_(groups),
          digest_of_(std::move(digest_of)) {}

    TableLayer result(std::uint64_t rubbish = 0) {
        finish(rubbish);
        return {.layer = layer(), .files = std::move(files_)};
    }

  private:
    void take_content(const oci::TarEntry& entry, LayerEntry& out, XattrBytes xattrs) override {
        if (entry.size == 0) {
            out.checksum = writer_.write_file(file_meta(out, S_IFREG, xattrs), {}, {});
            return;
        }
        const Sha256 digest = digest_of_(entry);
        const std::size_t group = groups_.find(digest, entry.size);
        ObjectMeta meta = object_meta(entry, writer_.mode());
        budget_.keep(sizeof(PendingFile) + meta.xattrs.size() + sizeof(FileDigest));
        files_.push_back({.entry = &out, .meta = std::move(meta), .group = group});
        layer()->digests().push_back({.digest = digest, .size = entry.size, .entry = &out});
    }

    ObjectWriter& writer_;
    ImageBudget& budget_;
    const Groups& groups_;
    const DigestOf digest_of_;
    std::vector<PendingFile> files_;
};

// Reads the content of the archive's current entry.
Sha256 digest_of_content(oci::TarReader& tar, std::uint64_t size) {
    std::array<std::uint8_t, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
    Hasher hasher;
    while (size > 0) {
        check_interrupt();
        const std::size_t n = tar.read(MutableBytes(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size()))));
        if (n == 0) throw Error(ErrorKind::invalid, "the layer ends in the middle of a file");
        hasher.update(ByteView(buffer).first(n));
        size -= n;
    }
    return hasher.finish_sha256();
}

// Tar-split data: at most as many bytes as the layer declares, and as an image may unpack to.
class MeteredLines final : public Source {
  public:
    MeteredLines(Source& inner, std::uint64_t declared, std::uint64_t packed_size, ImageBudget& budget)
        : inner_(inner), left_(declared), packed_size_(packed_size), meter_(budget) {}

    std::size_t read(MutableBytes buffer) override {
        check_interrupt();
        const std::size_t n = inner_.read(buffer);
        if (n > left_) throw Error(ErrorKind::too_large, "more tar-split data than declared");
        left_ -= n;
        meter_.unpacked(n, packed_size_);
        return n;
    }

  private:
    Source& inner_;
    std::uint64_t left_;
    const std::uint64_t packed_size_;
    LayerMeter meter_;
};

}  // namespace

TableLayer build_from_table(const FileTable& table, const FilePlan& plan, const oci::Descriptor& blob,
                            const oci::Digest& diff_id, ObjectWriter& writer, ImageBudget& budget) {
    const auto layer = std::make_shared<Layer>(diff_id);
    layer->table = table_key(kWholeTable, blob.digest, table.location.toc_digest, diff_id);
    const Groups groups(plan);
    const oci::TocEntry* current = nullptr;
    // The parser ensures that a file with content has a digest.
    TableLayerBuilder builder(layer, writer, budget, groups,
                              [&current](const oci::TarEntry&) { return current->digest.value(); });
    for (const oci::TocEntry& entry : table.toc.entries) {
        check_interrupt();
        current = &entry;
        builder.take(entry.tar);
    }
    return builder.result();
}

TableLayer build_from_archive(const FileTable& table, const FilePlan& plan, const oci::Descriptor& blob,
                              const oci::Digest& diff_id, const std::string& tar_split, const OpenGroup& open,
                              ObjectWriter& writer, ImageBudget& budget) {
    if (table.toc.tar_split_digest && sha256(as_bytes(tar_split)) != *table.toc.tar_split_digest)
        throw Error(ErrorKind::digest_mismatch, "the tar-split data do not match the table of contents");
    MemorySource packed(as_bytes(tar_split));
    const std::unique_ptr<Source> plain = oci::unzstd(packed);
    MeteredLines lines(*plain, table.location.tar_split.value().uncompressed_size, tar_split.size(), budget);
    const Groups groups(plan);
    oci::RebuiltArchive rebuilt(lines, [&](const std::string& name, std::uint64_t size) {
        return with_context([&] { return concat("entry ", quoted(name)); },
                            [&] { return open(groups.guess(name, size)); });
    });
    const auto layer = std::make_shared<Layer>(diff_id);
    TableLayer out;
    const auto read = [&](LayerArchive archive) {
        // The header in the archive and the name in the tar-split data need not agree, so the content of an
        // entry is what the archive has behind its header.
        TableLayerBuilder builder(layer, writer, budget, groups, [&archive](const oci::TarEntry& entry) {
            return digest_of_content(archive.tar, entry.size);
        });
        oci::TarEntry entry;
        while (archive.tar.next(entry)) {
            check_interrupt();
            archive.meter.holes(entry.holes);
            builder.take(entry);
        }
        out = builder.result(archive.tar.drain());
    };
    layer->uncompressed_size = decode_archive(rebuilt, diff_id, blob.size, budget, read);
    return out;
}

}  // namespace osb::ostree
