#include "ostree/export/plain_tar.hh"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "ostree/export/object_tar.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/xattr_policy.hh"
#include "ostree/tree/directory_meta.hh"

namespace osb::ostree {
namespace {

// A directory of the commit and its path in the image.
struct Renamed {
    std::string_view from;
    std::string_view to;
};

constexpr Renamed kEtc{"usr/etc", "etc"};
constexpr Renamed kVar{"usr/share/factory/var", "var"};

bool is_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

// Maps paths of the commit to paths of the image, and decides which of the two directories move.
class ImagePaths {
  public:
    explicit ImagePaths(const CommitWalk& walk) {
        bool has_etc = false;
        bool var_in_use = false;
        const auto look_at = [&](const std::string& path) {
            has_etc = has_etc || path == kEtc.to;
            var_in_use = var_in_use || is_below(path, kVar.to);
        };
        bool has_usr_etc = false;
        bool has_factory = false;
        for (const WalkedDirectory& directory : walk.directories) {
            look_at(directory.path);
            has_usr_etc = has_usr_etc || directory.path == kEtc.from;
            has_factory = has_factory || directory.path == kVar.from;
            has_var_ = has_var_ || directory.path == kVar.to;
        }
        for (const WalkedFile& file : walk.files) {
            for (const std::string& path : file.paths) {
                look_at(path);
                var_in_use = var_in_use || path == kVar.to;
            }
        }
        moves_etc_ = has_usr_etc && !has_etc;
        moves_var_ = has_factory && !var_in_use;
    }

    std::string operator()(const std::string& path) const {
        if (moves_etc_ && is_at_or_below(path, kEtc)) return moved(path, kEtc);
        if (moves_var_ && is_at_or_below(path, kVar)) return moved(path, kVar);
        return path;
    }

    // The mode comes from the commit's own /var, so the factory directory is omitted.
    bool is_hidden(const std::string& path) const { return moves_var_ && has_var_ && path == kVar.from; }

  private:
    static bool is_at_or_below(std::string_view path, const Renamed& renamed) {
        return path == renamed.from || is_below(path, renamed.from);
    }
    static std::string moved(std::string_view path, const Renamed& renamed) {
        return concat(renamed.to, path.substr(renamed.from.size()));
    }

    bool has_var_ = false;
    bool moves_etc_ = false;
    bool moves_var_ = false;
};

// Omits names that would be whiteouts, which an encapsulated image does not show either.
CommitWalk without_whiteout_names(const CommitWalk& walk) {
    CommitWalk out{walk.commit, {}, {}};
    std::size_t hidden = 0;
    const std::string* first = nullptr;
    const auto is_hidden = [&](const std::string& path) {
        if (!has_whiteout_name(path)) return false;
        if (hidden++ == 0) first = &path;
        return true;
    };
    for (const WalkedDirectory& directory : walk.directories) {
        if (!is_hidden(directory.path)) out.directories.push_back(directory);
    }
    for (const WalkedFile& file : walk.files) {
        WalkedFile shown{file.checksum, {}};
        for (const std::string& path : file.paths) {
            if (!is_hidden(path)) shown.paths.push_back(path);
        }
        if (!shown.paths.empty()) out.files.push_back(std::move(shown));
    }
    if (hidden > 0) {
        log_warning(concat("the image lacks ", quoted(*first),
                           hidden > 1 ? concat(" and ", hidden - 1, " more") : std::string{},
                           ": such names would be whiteouts in it"));
    }
    return out;
}

// Warns of the attributes that visible_xattrs() omits because of their names.
void warn_of_xattrs(std::string_view bytes, const std::string& path) {
    for (const auto& [name, value] : parse_xattrs(bytes)) {
        if (is_portable(name)) continue;
        log_warning(concat("the image lacks the attribute ", quoted(name), " of ", quoted(path),
                           ": archives do not support its name"));
    }
}

}  // namespace

CommitWalk plain_walk(const CommitWalk& whole) {
    const CommitWalk walk = without_whiteout_names(whole);
    const ImagePaths image_path(walk);
    CommitWalk out{walk.commit, {}, {}};
    for (const WalkedDirectory& directory : walk.directories) {
        if (image_path.is_hidden(directory.path)) continue;
        out.directories.push_back(directory);
        out.directories.back().path = image_path(directory.path);
    }
    for (const WalkedFile& file : walk.files) {
        for (const std::string& path : file.paths) out.files.push_back({file.checksum, {image_path(path)}});
    }
    std::sort(
        out.directories.begin(), out.directories.end(),
        [](const WalkedDirectory& a, const WalkedDirectory& b) { return before_in_tree(a.path, b.path); });
    std::sort(out.files.begin(), out.files.end(),
              [](const WalkedFile& a, const WalkedFile& b) { return a.paths.front() < b.paths.front(); });
    return out;
}

void PlainTar::write_directories(oci::TarWriter& tar) {
    for (const WalkedDirectory& directory : walk_.directories) {
        write_directory(tar, directory);
        warn_of_xattrs(read_directory_meta(repository_, directory.meta).xattrs, directory.path);
    }
}

void PlainTar::write_file(oci::TarWriter& tar, const WalkedFile& file) {
    const std::string& path = file.paths.front();
    write_parents(tar, path);
    ContentObject object = open_object(repository_, file.checksum);
    warn_of_xattrs(object.xattrs, path);
    tar.begin(tar_entry(object, path));
    write_content(tar, object, to_hex(file.checksum));
}

void PlainTar::write_parents(oci::TarWriter& tar, const std::string& path) {
    if (!written_.empty() && path.substr(0, path.rfind('/') + 1) == last_parent_) return;
    last_parent_ = path.substr(0, path.rfind('/') + 1);
    // Write the root first. Its path is "".
    for (std::size_t end = 0; end != std::string::npos; end = path.find('/', end + 1)) {
        write_directory(tar, directory_at(path.substr(0, end)));
    }
}

void PlainTar::write_directory(oci::TarWriter& tar, const WalkedDirectory& directory) {
    if (!written_.insert(directory.path).second) return;
    oci::TarEntry entry;
    entry.type = oci::TarType::directory;
    entry.path = directory.path.empty() ? "./" : directory.path;
    entry.mode = directory.mode;
    entry.uid = directory.uid;
    entry.gid = directory.gid;
    entry.xattrs = visible_xattrs(read_directory_meta(repository_, directory.meta).xattrs);
    tar.begin(entry);
}

const WalkedDirectory& PlainTar::directory_at(const std::string& path) const {
    const WalkedDirectory* const found = find_directory(walk_, path);
    if (found == nullptr)
        throw Error(ErrorKind::invalid, concat("no directory ", quoted(path), " in the tree"));
    return *found;
}

}  // namespace osb::ostree
