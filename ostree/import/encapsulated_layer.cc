#include "ostree/import/encapsulated_layer.hh"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/stream.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/tree/layer_path.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

// The memory of a name or an object in a set or map, besides its bytes.
constexpr std::size_t kNodeOverhead = 128;

// Stores a file in memory, and checks that it matches its name.
class StoreTask final : public Task {
  public:
    StoreTask(ObjectWriter& writer, const FileMeta& meta, const Sha256& expected,
              std::unique_ptr<std::uint8_t[]> content, std::size_t size)
        : writer_(writer),
          meta_(meta),
          xattrs_(meta.xattrs),
          expected_(expected),
          content_(std::move(content)),
          size_(size) {
        meta_.xattrs = xattrs_;
    }

    void run() override { writer_.write_expected_file(expected_, meta_, {}, {content_.get(), size_}); }

  private:
    ObjectWriter& writer_;
    FileMeta meta_;
    XattrBytes xattrs_;
    Sha256 expected_;
    std::unique_ptr<std::uint8_t[]> content_;
    std::size_t size_;
};

}  // namespace

void EncapsulatedLayerReader::read_all() {
    oci::TarEntry entry;
    while (tar_.next(entry)) {
        check_interrupt();
        with_context([&entry] { return concat("entry ", quoted(entry.path)); },
                     [&] {
                         budget_.take_entries();
                         meter_.holes(entry.holes);
                         take(entry, normalize_path(entry.path));
                     });
    }
    tar_.drain();
    if (pending_) {
        throw Error(ErrorKind::invalid,
                    concat("extended attributes of ", pending_->first, ", but not the object"));
    }
    if (holds_commit_ && !out_.commit)
        throw Error(ErrorKind::invalid, "the first layer has no commit object");
}

// Files outside the image's repository only show its content to container runtimes, so only their names are
// read.
void EncapsulatedLayerReader::take(const oci::TarEntry& entry, const std::string& path) {
    if (!path.starts_with(kImageRepo)) return record_name(entry, path);
    if (entry.type == oci::TarType::directory) return;
    if (path.starts_with(kImageXattrsV0)) {
        expect_regular(entry);
        return share_xattrs(last_part(path), checked_xattrs(read_content(entry, kMaxObjectXattrs)));
    }
    if (!path.starts_with(kImageObjects)) return;
    take_object(entry, path, parse_object_path(path));
}

void EncapsulatedLayerReader::take_object(const oci::TarEntry& entry, const std::string& path,
                                          const ImageObjectName& name) {
    if (name.suffix == "file") return take_file(entry, name);
    if (pending_)
        throw Error(ErrorKind::invalid,
                    concat("extended attributes of ", pending_->first, ", but not the object"));
    for (const char* suffix : {"file-xattrs", "file-xattrs-link", "file.xattrs"}) {
        if (name.suffix == suffix) return take_xattrs(entry, path, name);
    }
    for (const char* suffix : {"commit", "commitmeta", "dirtree", "dirmeta"}) {
        if (name.suffix != suffix) continue;
        expect_regular(entry);
        see(name.checksum + name.suffix);
        return take_metadata(name, read_content(entry, kMaxMetadataSize));
    }
    throw Error(ErrorKind::invalid, "an object of an unknown kind");
}

void EncapsulatedLayerReader::take_metadata(const ImageObjectName& name, const std::string& bytes) {
    if (!holds_commit_) throw Error(ErrorKind::invalid, "a metadata object in a layer other than the first");
    if (name.suffix == "commitmeta") {
        if (out_.commit != name.checksum) throw Error(ErrorKind::invalid, "metadata of another commit");
        out_.detached = bytes;
        return;
    }
    if (name.suffix == "commit") {
        if (out_.commit) throw Error(ErrorKind::invalid, "a second commit");
        out_.commit = check_commit_object(name, bytes);
        out_.commit_object = bytes;
        return;
    }
    store_directory_object(writer_, name, bytes);
}

void EncapsulatedLayerReader::take_xattrs(const oci::TarEntry& entry, const std::string& path,
                                          const ImageObjectName& name) {
    if (entry.type == oci::TarType::hardlink) {
        const auto found = shared_xattrs_.find(std::string(last_part(entry.link_target)));
        if (found == shared_xattrs_.end()) {
            throw Error(ErrorKind::invalid,
                        concat("a link to missing attributes: ", quoted(entry.link_target)));
        }
        pending_ = {name.checksum, found->second};
        return;
    }
    expect_regular(entry);
    XattrBytes bytes = checked_xattrs(read_content(entry, kMaxObjectXattrs));
    if (name.suffix == "file-xattrs-link") {
        pending_ = {name.checksum, std::move(bytes)};
        return;
    }
    share_xattrs(last_part(path), std::move(bytes));
}

// Keeps attributes that later files may share.
void EncapsulatedLayerReader::share_xattrs(std::string_view name, XattrBytes bytes) {
    budget_.keep(name.size() + bytes.size() + kNodeOverhead);
    shared_xattrs_[std::string(name)] = std::move(bytes);
}

void EncapsulatedLayerReader::see(const std::string& object) {
    budget_.keep(object.size() + kNodeOverhead);
    if (!seen_.insert(object).second) throw Error(ErrorKind::invalid, "an object that appears twice");
}

void EncapsulatedLayerReader::take_file(const oci::TarEntry& entry, const ImageObjectName& name) {
    if (!pending_ || pending_->first != name.checksum) {
        throw Error(ErrorKind::invalid, "a content object without its extended attributes before it");
    }
    const XattrBytes xattrs = std::move(pending_->second);
    pending_.reset();
    see(name.checksum);
    const bool is_link = entry.type == oci::TarType::symlink;
    if (is_link) {
        check_link_target(entry.link_target);
    } else {
        expect_regular(entry);
    }
    const FileMeta meta{.uid = entry.uid,
                        .gid = entry.gid,
                        .mode = (is_link ? S_IFLNK : S_IFREG) | entry.mode,
                        .xattrs = xattrs};
    const Sha256 expected = parse_sha256(name.checksum);
    record_object(meta, is_link ? entry.link_target : std::string(), expected);
    if (!is_link && entry.size <= FileStream::kPiece) return store_later(entry, meta, expected);
    if (is_link) return writer_.write_expected_file(expected, meta, entry.link_target, {});
    store_large(meta, entry.size, expected);
}

LayerEntry& EncapsulatedLayerReader::record(EntryKind kind) {
    budget_.keep(sizeof(LayerEntry));
    LayerEntry& out = record_->entries().emplace_back();
    out.kind = kind;
    return out;
}

void EncapsulatedLayerReader::record_object(const FileMeta& meta, const std::string& target,
                                            const Sha256& checksum) {
    if (record_ == nullptr) return;
    LayerEntry& entry = record(S_ISLNK(meta.mode) ? EntryKind::symlink : EntryKind::file);
    entry.mode = meta.mode & 07777U;
    entry.uid = meta.uid;
    entry.gid = meta.gid;
    budget_.keep(target.size());
    entry.target = record_->keep(target);
    entry.checksum = checksum;
    last_object_ = to_hex(checksum);
}

// Names are hard links to an object, or empty files after the object to which they belong.
void EncapsulatedLayerReader::record_name(const oci::TarEntry& entry, const std::string& path) {
    if (record_ == nullptr) return;
    const bool is_directory = entry.type == oci::TarType::directory;
    // The directories of the first layer are the commit's, and those of the repository are in every layer.
    if (is_directory && (holds_commit_ || (!path.empty() && kImageRepo.starts_with(path + '/')))) return;
    std::string object;
    if (entry.type == oci::TarType::hardlink) {
        const std::string target = normalize_path(entry.link_target);
        constexpr std::size_t kLength = kImageObjects.size() + 65 + std::string_view(".file").size();
        if (target.starts_with(kImageObjects) && target.ends_with(".file") && target.size() == kLength)
            object = target.substr(kImageObjects.size(), 2) + target.substr(kImageObjects.size() + 3, 62);
    } else if (entry.type == oci::TarType::file && entry.size == 0) {
        object = last_object_;
    }
    // In an image of a commit, directories have no attributes.
    const bool is_plain = is_directory && entry.xattrs.empty();
    LayerEntry& name = record(is_plain ? EntryKind::directory : EntryKind::hardlink);
    budget_.keep(path.size() + object.size());
    name.path = record_->keep(path);
    name.target = record_->keep(object);
    name.mode = entry.mode & 07777U;
    name.uid = entry.uid;
    name.gid = entry.gid;
}

// Reads the next content of the archive.
std::unique_ptr<std::uint8_t[]> EncapsulatedLayerReader::next_piece(std::size_t length) {
    auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(length + 1);
    std::size_t done = 0;
    while (done < length) done += tar_.read({piece.get() + done, length - done});
    return piece;
}

void EncapsulatedLayerReader::store_later(const oci::TarEntry& entry, const FileMeta& meta,
                                          const Sha256& expected) {
    constexpr std::size_t kTaskOverhead = 512;
    const auto length = static_cast<std::size_t>(entry.size);
    pool_.submit(std::make_unique<StoreTask>(writer_, meta, expected, next_piece(length), length),
                 length + meta.xattrs.size() + kTaskOverhead);
}

void EncapsulatedLayerReader::store_large(const FileMeta& meta, std::uint64_t size, const Sha256& expected) {
    FileStream stream(writer_, pool_, meta, size);
    for (std::uint64_t left = size; left > 0;) {
        check_interrupt();
        const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left, FileStream::kPiece));
        stream.write(next_piece(length), length);
        left -= length;
    }
    stream.finish_expected(expected);
}

std::string EncapsulatedLayerReader::read_content(const oci::TarEntry& entry, std::size_t limit) {
    if (entry.size > limit)
        throw Error(ErrorKind::too_large,
                    concat("an object of ", entry.size, " bytes; the limit is ", limit));
    std::string out(entry.size, '\0');
    std::size_t done = 0;
    while (done < out.size()) {
        done += tar_.read(
            {reinterpret_cast<std::uint8_t*>(out.data()) + done, out.size() - done});  // NOLINT: char aliases
    }
    return out;
}

void EncapsulatedLayerReader::expect_regular(const oci::TarEntry& entry) const {
    if (entry.type != oci::TarType::file)
        throw Error(ErrorKind::invalid, "an object that is not a regular file");
}

}  // namespace osb::ostree
