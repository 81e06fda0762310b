// The layout of the archives is that of ostree-ext's tar/export.rs, and of its older versions.
#include <algorithm>
#include <set>

#include "base/hash.hh"
#include "ostree/export/encapsulated_tar.hh"
#include "ostree/objects/glib.hh"
#include "ostree/tree/commit_walk.hh"
#include "tests/support/golden_commit.hh"
#include "tests/support/tar_builder.hh"

namespace osb::test {
namespace {

using ostree::GErrorSlot;
using ostree::GObjectPtr;
using ostree::GStringPtr;
using ostree::GVariantPtr;

const std::string kRepo = "sysroot/ostree/repo/";

class LayerMaker {
  public:
    LayerMaker(const std::string& repository, GoldenForm form)
        : prefix_(form == GoldenForm::v0 ? "./" : ""), form_(form) {
        const GObjectPtr<GFile> file(g_file_new_for_path(repository.c_str()));
        repo_.reset(ostree_repo_new(file.get()));
        GErrorSlot error;
        error.check(ostree_repo_open(repo_.get(), nullptr, error.out()) != 0, "open");
    }

    void repository(TarBuilder& tar) const {
        for (const char* path : {"sysroot", "sysroot/ostree", "sysroot/ostree/repo"})
            tar.directory(prefix_ + path);
        tar.directory(prefix_ + kRepo + "objects");
        for (unsigned byte = 0; byte < 256; ++byte) {
            const auto value = static_cast<std::uint8_t>(byte);
            tar.directory(prefix_ + kRepo + "objects/" + to_hex({&value, 1}));
        }
        for (const char* name : {"extensions", "refs", "refs/heads", "refs/mirrors", "refs/remotes", "state",
                                 "tmp", "tmp/cache"})
            tar.directory(prefix_ + kRepo + name);
        if (form_ == GoldenForm::v0) tar.directory(prefix_ + kRepo + "xattrs");
        tar.file(prefix_ + kRepo + "config", "[core]\nrepo_version=1\nmode=bare-split-xattrs\n");
    }

    void metadata(TarBuilder& tar, const ostree::CommitWalk& walk) const {
        metadata_object(tar, concat(*walk.commit), OSTREE_OBJECT_TYPE_COMMIT, ".commit");
        GVariant* detached = nullptr;
        GErrorSlot error;
        error.check(ostree_repo_read_commit_detached_metadata(repo_.get(), walk.commit->c_str(), &detached,
                                                              nullptr, error.out()) != 0,
                    "read detached metadata");
        if (detached != nullptr) {
            const GVariantPtr owned(detached);
            tar.file(object(concat(*walk.commit)) + ".commitmeta", text_of(detached));
        }
        std::set<std::string> written;
        const auto once = [&](const Sha256& checksum, OstreeObjectType type, const char* suffix) {
            if (written.insert(to_hex(checksum) + suffix).second)
                metadata_object(tar, to_hex(checksum), type, suffix);
        };
        for (const ostree::WalkedDirectory& directory : walk.directories) {
            once(directory.meta, OSTREE_OBJECT_TYPE_DIR_META, ".dirmeta");
            if (!directory.path.empty())
                tar.directory(prefix_ + ostree::image_path(directory.path), directory.mode);
            once(directory.tree, OSTREE_OBJECT_TYPE_DIR_TREE, ".dirtree");
        }
        tar.directory(prefix_ + "var/tmp", 01777);
    }

    void file(TarBuilder& tar, const ostree::WalkedFile& file) {
        const std::string checksum = to_hex(file.checksum);
        GInputStream* stream = nullptr;
        GFileInfo* info = nullptr;
        GVariant* xattrs = nullptr;
        GErrorSlot error;
        error.check(ostree_repo_load_file(repo_.get(), checksum.c_str(), &stream, &info, &xattrs, nullptr,
                                          error.out()) != 0,
                    "load");
        const GObjectPtr<GInputStream> owned_stream(stream);
        const GObjectPtr<GFileInfo> owned_info(info);
        const GVariantPtr owned_xattrs(xattrs);
        attributes(tar, checksum, text_of(xattrs));
        const std::string path = object(checksum) + ".file";
        const auto mode = g_file_info_get_attribute_uint32(info, "unix::mode") & 07777U;
        const char* const target = g_file_info_get_symlink_target(info);
        const std::string content = stream == nullptr ? "" : content_of(stream);
        if (target != nullptr) {
            tar.symlink(path, target);
        } else {
            tar.file(path, content, mode);
        }
        for (const std::string& visible : file.paths) {
            const std::string name = prefix_ + ostree::image_path(visible);
            if (target == nullptr && content.empty()) {
                tar.file(name, "", mode);
            } else {
                tar.hardlink(name, path, mode);
            }
        }
    }

  private:
    static std::string text_of(GVariant* variant) { return std::string(as_text(ostree::bytes_of(variant))); }

    std::string object(const std::string& checksum) const {
        return prefix_ + kRepo + "objects/" + checksum.substr(0, 2) + '/' + checksum.substr(2);
    }

    void metadata_object(TarBuilder& tar, const std::string& checksum, OstreeObjectType type,
                         const char* suffix) const {
        GVariant* variant = nullptr;
        GErrorSlot error;
        error.check(ostree_repo_load_variant(repo_.get(), type, checksum.c_str(), &variant, error.out()) != 0,
                    "load");
        const GVariantPtr owned(variant);
        tar.file(object(checksum) + suffix, text_of(variant));
    }

    // What must come directly before the object.
    void attributes(TarBuilder& tar, const std::string& checksum, const std::string& bytes) {
        const std::string digest = to_hex(sha256(as_bytes(bytes)));
        if (form_ == GoldenForm::inlined) {
            tar.file(object(checksum) + ".file-xattrs-link", bytes);
        } else if (form_ == GoldenForm::linked) {
            if (written_.insert(digest).second) tar.file(object(digest) + ".file-xattrs", bytes);
            tar.hardlink(object(checksum) + ".file-xattrs-link", object(digest) + ".file-xattrs");
        } else {
            const std::string shared = prefix_ + kRepo + "xattrs/" + digest;
            if (written_.insert(digest).second) tar.file(shared, bytes);
            tar.hardlink(object(checksum) + ".file.xattrs", shared);
        }
    }

    static std::string content_of(GInputStream* stream) {
        std::string out(1000, '\0');
        gsize size = 0;
        GErrorSlot error;
        error.check(g_input_stream_read_all(stream, out.data(), out.size(), &size, nullptr, error.out()) != 0,
                    "read");
        out.resize(size);
        return out;
    }

    GObjectPtr<OstreeRepo> repo_;
    std::string prefix_;
    GoldenForm form_;
    std::set<std::string> written_;  // attributes
};

}  // namespace

std::vector<std::string> golden_layers(const std::string& repository, const std::string& commit,
                                       GoldenForm form) {
    const ostree::Repository opened = ostree::Repository::open(repository);
    ostree::CommitWalk walk = ostree::walk_commit(opened, ostree::CommitId::parse(commit));
    std::sort(walk.files.begin(), walk.files.end(),
              [](const auto& a, const auto& b) { return a.checksum < b.checksum; });
    TarBuilder first;
    LayerMaker maker(repository, form);
    first.directory("./");
    maker.repository(first);
    maker.metadata(first, walk);
    if (form == GoldenForm::v0) {
        for (const auto& file : walk.files) maker.file(first, file);
        return {first.finish()};
    }
    std::vector<std::string> out{first.finish()};
    const std::size_t half = walk.files.size() / 2;
    for (const auto& [begin, end] :
         {std::pair{0UL, half}, std::pair{half, walk.files.size()}, std::pair{0UL, 0UL}}) {
        TarBuilder chunk;
        LayerMaker chunk_maker(repository, form);
        chunk_maker.repository(chunk);
        for (std::size_t i = begin; i < end; ++i) chunk_maker.file(chunk, walk.files[i]);
        out.push_back(chunk.finish());
    }
    return out;
}

}  // namespace osb::test
