#include "ostree/objects/object_reader.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/interrupt.hh"
#include "ostree/objects/filez.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

[[noreturn]] void throw_damaged(const Sha256& expected, const Sha256& actual) {
    throw Error(ErrorKind::digest_mismatch,
                concat("the object ", to_hex(expected), " is damaged: it has the checksum ", to_hex(actual)))
        .hint("run 'ostree fsck' to find all damaged objects of the repository");
}

// Hashes an object while it is read.
class CheckedSource final : public Source {
  public:
    CheckedSource(std::unique_ptr<Source> content, std::uint64_t size, Hasher hasher, const Sha256& expected)
        : content_(std::move(content)), left_(size), hasher_(std::move(hasher)), expected_(expected) {}

    std::size_t read(MutableBytes buffer) override {
        if (left_ == 0) return 0;
        const std::size_t n = with_context([this] { return concat("the object ", to_hex(expected_)); },
                                           [&] { return content_->read(buffer); });
        if (n == 0 || n > left_) {
            throw Error(ErrorKind::invalid,
                        concat("the object ", to_hex(expected_), " does not have the size that it declares"));
        }
        hasher_.update(ByteView(buffer).first(n));
        left_ -= n;
        if (left_ > 0) return n;
        if (const Sha256 actual = hasher_.finish_sha256(); actual != expected_)
            throw_damaged(expected_, actual);
        return n;
    }

  private:
    std::unique_ptr<Source> content_;
    std::uint64_t left_;
    Hasher hasher_;
    Sha256 expected_;
};

class StreamSource final : public Source {
  public:
    explicit StreamSource(GObjectPtr<GInputStream> stream) : stream_(std::move(stream)) {}

    std::size_t read(MutableBytes buffer) override {
        check_interrupt();
        GErrorSlot error;
        const gssize n =
            g_input_stream_read(stream_.get(), buffer.data(), buffer.size(), nullptr, error.out());
        if (n < 0) error.raise("cannot read");
        return static_cast<std::size_t>(n);
    }

  private:
    GObjectPtr<GInputStream> stream_;
};

OstreeObjectType to_ostree(ObjectType type) {
    switch (type) {
        case ObjectType::file:
            return OSTREE_OBJECT_TYPE_FILE;
        case ObjectType::dirtree:
            return OSTREE_OBJECT_TYPE_DIR_TREE;
        case ObjectType::dirmeta:
            return OSTREE_OBJECT_TYPE_DIR_META;
        case ObjectType::commit:
            return OSTREE_OBJECT_TYPE_COMMIT;
    }
    return OSTREE_OBJECT_TYPE_FILE;
}

// Which part of an object to open.
enum class ObjectPart { header, whole };

// Opens an object in a repository of any mode, or in its parent repository.
ContentObject open_through_libostree(const Repository& repository, const std::string& hex, ObjectPart part) {
    GInputStream* stream = nullptr;
    GFileInfo* info = nullptr;
    GVariant* xattrs = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_load_file(repository.handle().repo.get(), hex.c_str(),
                                      part == ObjectPart::whole ? &stream : nullptr, &info, &xattrs, nullptr,
                                      error.out()) != 0,
                concat("cannot open the object ", hex));
    GObjectPtr<GInputStream> owned_stream(stream);
    const GObjectPtr<GFileInfo> owned_info(info);
    const GVariantPtr owned_xattrs(xattrs);
    ContentObject out;
    out.uid = g_file_info_get_attribute_uint32(info, "unix::uid");
    out.gid = g_file_info_get_attribute_uint32(info, "unix::gid");
    out.mode = g_file_info_get_attribute_uint32(info, "unix::mode");
    out.xattrs = as_text(bytes_of(xattrs));
    if (S_ISLNK(out.mode)) {
        out.target = g_file_info_get_symlink_target(info);
    } else {
        out.size = static_cast<std::uint64_t>(g_file_info_get_size(info));
        if (part == ObjectPart::whole) out.content = std::make_unique<StreamSource>(std::move(owned_stream));
    }
    return out;
}

ContentObject open_unchecked(const Repository& repository, const Sha256& checksum, ObjectPart part) {
    const std::string hex = to_hex(checksum);
    if (repository.mode() == RepoMode::archive) {
        const std::string path = concat("objects/", loose_path(checksum, ObjectType::file, true));
        Fd file(::openat(ostree_repo_get_dfd(repository.handle().repo.get()), path.c_str(),
                         O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (file) {
            return with_context([&] { return concat("the object ", hex); },
                                [&] {
                                    return part == ObjectPart::whole ? open_filez(std::move(file))
                                                                     : read_filez_header(file);
                                });
        }
    }
    return open_through_libostree(repository, hex, part);
}

}  // namespace

Hasher begin_object_checksum(const ContentObject& object) {
    Hasher out;
    out.update(file_header(
        {.uid = object.uid, .gid = object.gid, .mode = object.mode, .xattrs = object.xattrs}, object.target));
    return out;
}

ContentObject read_object_header(const Repository& repository, const Sha256& checksum) {
    ContentObject out = open_unchecked(repository, checksum, ObjectPart::header);
    if (out.size > 0) return out;
    if (const Sha256 actual = begin_object_checksum(out).finish_sha256(); actual != checksum)
        throw_damaged(checksum, actual);
    return out;
}

ContentObject open_object(const Repository& repository, const Sha256& checksum) {
    ContentObject out = open_unchecked(repository, checksum, ObjectPart::whole);
    Hasher hasher = begin_object_checksum(out);
    if (out.size > 0) {
        out.content =
            std::make_unique<CheckedSource>(std::move(out.content), out.size, std::move(hasher), checksum);
        return out;
    }
    if (const Sha256 actual = hasher.finish_sha256(); actual != checksum) throw_damaged(checksum, actual);
    if (!S_ISLNK(out.mode)) out.content = std::make_unique<MemorySource>(ByteView());
    return out;
}

std::string read_metadata(const Repository& repository, ObjectType type, const Sha256& checksum) {
    GVariant* variant = nullptr;
    GErrorSlot error;
    const std::string hex = to_hex(checksum);
    error.check(ostree_repo_load_variant(repository.handle().repo.get(), to_ostree(type), hex.c_str(),
                                         &variant, error.out()) != 0,
                concat("cannot load the object ", hex));
    const GVariantPtr owned(variant);
    const ByteView bytes = bytes_of(variant);
    if (const Sha256 actual = sha256(bytes); actual != checksum) throw_damaged(checksum, actual);
    return std::string(as_text(bytes));
}

std::string read_commit_object(const Repository& repository, const CommitId& commit) {
    return read_metadata(repository, ObjectType::commit, commit.checksum());
}

std::string read_detached_metadata(const Repository& repository, const CommitId& commit) {
    GVariant* variant = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_read_commit_detached_metadata(repository.handle().repo.get(), commit.c_str(),
                                                          &variant, nullptr, error.out()) != 0,
                concat("cannot read the detached metadata of ", commit));
    const GVariantPtr owned(variant);
    return owned ? std::string(as_text(bytes_of(variant))) : std::string{};
}

}  // namespace osb::ostree
