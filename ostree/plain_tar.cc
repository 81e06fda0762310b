#include "ostree/plain_tar.hh"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/object_format.hh"
#include "ostree/object_reader.hh"
#include "ostree/object_tar.hh"

namespace osb::ostree {
namespace {

// A directory of the commit and where the image has it.
struct Renamed {
    std::string_view from;
    std::string_view to;
};

constexpr Renamed kEtc{"usr/etc", "etc"};
constexpr Renamed kVar{"usr/share/factory/var", "var"};

bool is_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

// Which of the two directories have another place in the image.
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

    // The commit's own /var says what mode the directory has; the factory's is left out then.
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

void check_names(const CommitWalk& walk) {
    const auto check = [](const std::string& path) {
        if (has_whiteout_name(path))
            throw Error(ErrorKind::unsupported, concat(quoted(path), " would be a whiteout in an image"));
    };
    for (const WalkedDirectory& directory : walk.directories) check(directory.path);
    for (const WalkedFile& file : walk.files) std::for_each(file.paths.begin(), file.paths.end(), check);
}

// The attributes of a dirmeta object (uuua(ayay)): three numbers, then what XattrBytes holds.
std::string_view xattrs_of(std::string_view dirmeta, const std::string& path) {
    constexpr std::size_t kNumbers = 3 * sizeof(std::uint32_t);
    if (dirmeta.size() < kNumbers)
        throw Error(ErrorKind::invalid, concat("a malformed dirmeta object of ", quoted(path)));
    return dirmeta.substr(kNumbers);
}

}  // namespace

CommitWalk plain_walk(const CommitWalk& walk) {
    check_names(walk);
    const ImagePaths image_path(walk);
    CommitWalk out{walk.checksum, {}, {}};
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
    for (const WalkedDirectory& directory : walk_.directories) write_directory(tar, directory);
}

void PlainTar::write_file(oci::TarWriter& tar, const WalkedFile& file) {
    const std::string& path = file.paths.front();
    write_parents(tar, path);
    ContentObject object = open_object(repository_, file.checksum);
    tar.begin(tar_entry(object, path));
    write_content(tar, object, to_hex(file.checksum));
}

void PlainTar::write_parents(oci::TarWriter& tar, const std::string& path) {
    if (!written_.empty() && path.substr(0, path.rfind('/') + 1) == last_parent_) return;
    last_parent_ = path.substr(0, path.rfind('/') + 1);
    // The root first: its path is "".
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
    entry.xattrs = visible_xattrs(
        xattrs_of(read_metadata(repository_, ObjectType::dirmeta, directory.meta), directory.path));
    tar.begin(entry);
}

const WalkedDirectory& PlainTar::directory_at(const std::string& path) const {
    const WalkedDirectory* const found = find_directory(walk_, path);
    if (found == nullptr)
        throw Error(ErrorKind::invalid, concat("no directory ", quoted(path), " in the tree"));
    return *found;
}

}  // namespace osb::ostree
