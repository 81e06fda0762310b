#include "ostree/object_reader.hh"

#include <sys/stat.h>

#include <utility>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "ostree/repository_handle.hh"

namespace osb::ostree {
namespace {

class StreamSource final : public Source {
  public:
    StreamSource(GObjectPtr<GInputStream> stream, std::string name)
        : stream_(std::move(stream)), name_(std::move(name)) {}

    std::size_t read(MutableBytes buffer) override {
        check_interrupt();
        GErrorSlot error;
        const gssize n =
            g_input_stream_read(stream_.get(), buffer.data(), buffer.size(), nullptr, error.out());
        if (n < 0) error.raise(concat("cannot read the object ", name_));
        return static_cast<std::size_t>(n);
    }

  private:
    GObjectPtr<GInputStream> stream_;
    std::string name_;
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

}  // namespace

ContentObject open_object(const Repository& repository, const Sha256& checksum) {
    GInputStream* stream = nullptr;
    GFileInfo* info = nullptr;
    GVariant* xattrs = nullptr;
    GErrorSlot error;
    const std::string hex = to_hex(checksum);
    error.check(ostree_repo_load_file(repository.handle().repo.get(), hex.c_str(), &stream, &info, &xattrs,
                                      nullptr, error.out()) != 0,
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
        out.content = std::make_unique<StreamSource>(std::move(owned_stream), hex);
    }
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
    return std::string(as_text(bytes_of(variant)));
}

std::string read_detached_metadata(const Repository& repository, const std::string& commit) {
    GVariant* variant = nullptr;
    GErrorSlot error;
    error.check(ostree_repo_read_commit_detached_metadata(repository.handle().repo.get(), commit.c_str(),
                                                          &variant, nullptr, error.out()) != 0,
                concat("cannot read the detached metadata of ", commit));
    const GVariantPtr owned(variant);
    return owned ? std::string(as_text(bytes_of(variant))) : std::string{};
}

}  // namespace osb::ostree
