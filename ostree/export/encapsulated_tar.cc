#include "ostree/export/encapsulated_tar.hh"

#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/export/object_tar.hh"
#include "ostree/import/encapsulated_paths.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kRepo = kImageRepo.substr(0, kImageRepo.size() - 1);
// ext4 allows 65,000 names of a file, and btrfs 65,535. Whoever unpacks the layer may add some.
constexpr std::size_t kMaxNames = 60'000;
constexpr std::string_view kBareSplitConfig = "[core]\nrepo_version=1\nmode=bare-split-xattrs\n";

// The path of an object without its suffix: "sysroot/ostree/repo/objects/XX/<62 digits>".
std::string object_path(const Sha256& checksum) {
    std::string hex = to_hex(checksum);
    hex.insert(2, 1, '/');
    return concat(kRepo, "/objects/", hex);
}

// True for a name at which a file or link would replace a directory above the repository.
bool replaces_repository(std::string_view path) noexcept {
    return kRepo.starts_with(path) && (path.size() == kRepo.size() || kRepo[path.size()] == '/');
}

void write_regular(oci::TarWriter& tar, std::string path, std::string_view content) {
    oci::TarEntry entry;
    entry.path = std::move(path);
    entry.mode = 0644;
    entry.size = content.size();
    tar.begin(entry);
    tar.write(as_bytes(content));
}

}  // namespace

std::string image_path(const std::string& path) {
    constexpr std::string_view kUsrEtc = "usr/etc";
    const bool is_etc = path == kUsrEtc || path.starts_with("usr/etc/");
    return is_etc ? path.substr(kUsrEtc.size() - 3) : path;
}

bool is_shown(std::string_view path) noexcept {
    if (has_whiteout_name(path)) return false;
    return !path.starts_with(kRepo) || (path.size() > kRepo.size() && path[kRepo.size()] != '/');
}

void EncapsulatedTar::write_directory(oci::TarWriter& tar, const std::string& path, std::uint32_t mode,
                                      std::uint32_t uid, std::uint32_t gid) {
    if (!written_.insert(path).second) return;
    oci::TarEntry entry;
    entry.type = oci::TarType::directory;
    entry.path = path;
    entry.mode = mode;
    entry.uid = uid;
    entry.gid = gid;
    tar.begin(entry);
}

void EncapsulatedTar::write_root(oci::TarWriter& tar) {
    const WalkedDirectory& root = walk_.directories.front();
    write_directory(tar, "./", root.mode, root.uid, root.gid);
}

void EncapsulatedTar::write_parents(oci::TarWriter& tar, const std::string& path) {
    const std::string parent = path.substr(0, path.rfind('/') + 1);
    if (parent == last_parent_) return;
    last_parent_ = parent;
    const std::string visible = image_path(path);
    write_root(tar);
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
        const WalkedDirectory* const directory = find_directory(walk_, path.substr(0, end));
        if (directory == nullptr)
            throw Error(ErrorKind::invalid, concat("no directory of ", quoted(path), " in the tree"));
        const std::string name = image_path(directory->path);
        // The image shows usr/etc/x as etc/x, so its parents do not include usr.
        if (!visible.starts_with(name + '/')) continue;
        write_directory(tar, name, directory->mode, directory->uid, directory->gid);
    }
}

void EncapsulatedTar::write_repository(oci::TarWriter& tar) {
    for (const char* path :
         {"sysroot", "sysroot/ostree", "sysroot/ostree/repo", "sysroot/ostree/repo/objects"}) {
        write_directory(tar, path, 0755);
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
        const auto value = static_cast<std::uint8_t>(byte);
        write_directory(tar, concat(kRepo, "/objects/", to_hex({&value, 1})), 0755);
    }
    for (const char* name :
         {"extensions", "refs", "refs/heads", "refs/mirrors", "refs/remotes", "state", "tmp", "tmp/cache"}) {
        write_directory(tar, concat(kRepo, '/', name), 0755);
    }
    write_regular(tar, concat(kRepo, "/config"), kBareSplitConfig);
}

void EncapsulatedTar::write_commit(oci::TarWriter& tar) {
    write_root(tar);
    write_repository(tar);
    const CommitId& commit = walk_.commit.value();
    write_regular(tar, object_path(commit.checksum()) + ".commit", read_commit_object(repository_, commit));
    const std::string detached = read_detached_metadata(repository_, commit);
    if (!detached.empty()) write_regular(tar, object_path(commit.checksum()) + ".commitmeta", detached);
    std::set<std::pair<ObjectType, Sha256>> written;
    const auto write_once = [&](ObjectType type, const Sha256& checksum, std::string_view suffix) {
        if (!written.emplace(type, checksum).second) return;
        write_regular(tar, concat(object_path(checksum), suffix), read_metadata(repository_, type, checksum));
    };
    bool has_var_tmp = false;
    for (const WalkedDirectory& directory : walk_.directories) {
        write_once(ObjectType::dirmeta, directory.meta, ".dirmeta");
        // The root and /sysroot were written already.
        if (!directory.path.empty() && is_shown(directory.path)) {
            write_directory(tar, image_path(directory.path), directory.mode, directory.uid, directory.gid);
        }
        write_once(ObjectType::dirtree, directory.tree, ".dirtree");
        has_var_tmp = has_var_tmp || directory.path == "var/tmp";
    }
    // Container runtimes expect /var/tmp, and a commit has nothing in /var.
    if (!has_var_tmp) write_directory(tar, "var/tmp", 01777);
}

// Writes the attributes and the content. Returns the entry of the content.
oci::TarEntry EncapsulatedTar::write_object(oci::TarWriter& tar, const Sha256& checksum) {
    const std::string path = object_path(checksum);
    const auto begin = [&](const ContentObject& object) {
        write_regular(tar, path + ".file-xattrs-link", object.xattrs);
        return tar_entry(object, path + ".file");
    };
    if (const PreviousObject* ready = previous_ != nullptr ? previous_->frames().find(checksum) : nullptr) {
        const ContentObject header = read_object_header(repository_, checksum);
        if (header.size == ready->size) {
            oci::TarEntry entry = begin(header);
            previous_->begin(*ready);
            tar.begin(entry);
            previous_->write(*ready, header, checksum, tar);
            return entry;
        }
    }
    ContentObject object = open_object(repository_, checksum);
    oci::TarEntry entry = begin(object);
    tar.begin(entry);
    write_content(tar, object, to_hex(checksum));
    return entry;
}

void EncapsulatedTar::write_copy(oci::TarWriter& tar, const Sha256& checksum, const std::string& path) {
    ContentObject object = open_object(repository_, checksum);
    tar.begin(tar_entry(object, path));
    write_content(tar, object, to_hex(checksum));
}

void EncapsulatedTar::write_file(oci::TarWriter& tar, const WalkedFile& file) {
    const oci::TarEntry entry = write_object(tar, file.checksum);
    const bool is_empty_file = entry.type == oci::TarType::file && entry.size == 0;
    std::string target = entry.path;
    std::size_t names = 1;
    // The links have the attributes as well, because podman's partial pulls set the owner of a link again,
    // which clears the capabilities of the file.
    for (const std::string& visible : file.paths) {
        if (!is_shown(visible) || replaces_repository(visible)) continue;
        write_parents(tar, visible);
        oci::TarEntry link = entry;
        link.path = image_path(visible);
        link.size = 0;
        if (!is_empty_file) {
            if (++names > kMaxNames) {
                write_copy(tar, file.checksum, link.path);
                target = link.path;
                names = 1;
                continue;
            }
            link.type = oci::TarType::hardlink;
            link.link_target = target;
        }
        tar.begin(link);
    }
}

}  // namespace osb::ostree
