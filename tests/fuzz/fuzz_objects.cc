// Objects of repositories that others have written. The first byte says which: 'f' a .filez file, 'c' a
// commit, 'x' extended attributes, 't' a dirtree and 'm' a dirmeta of a tree that is walked.
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "ostree/objects/filez.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/tree/commit_walk.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/golden_commit.hh"
#include "tests/support/temp_directory.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

constexpr std::size_t kMaxContent = 1UL << 20U;

struct Harness {
    test::TempDirectory directory;
    test::GoldenCommits commits = test::make_golden_repository(directory / "repo");
    ostree::Repository repository = ostree::Repository::open(directory / "repo");
    ostree::RootChecksums root = ostree::read_root(repository, ostree::CommitId::parse(commits.first));
};

Harness& harness() {
    static Harness instance;
    return instance;
}

Fd open_memory(const fuzz::MemoryFile& file) {
    return open_at(-1, file.path(), 0);
}

// Its content in pieces of `step` bytes.
std::string read_filez(const fuzz::MemoryFile& file, std::size_t step) {
    const ostree::ContentObject object = ostree::open_filez(open_memory(file));
    if (!object.content) return object.target;
    std::string out;
    std::string piece(step, '\0');
    const MutableBytes buffer(reinterpret_cast<std::uint8_t*>(piece.data()), piece.size());
    while (out.size() < object.size) {
        const std::size_t n = object.content->read(buffer);
        if (n == 0) break;
        out.append(piece, 0, n);
        if (out.size() > kMaxContent) throw Error(ErrorKind::too_large, "content");
    }
    require(out.size() == object.size);
    return out;
}

void check_filez(std::string_view bytes) {
    const fuzz::MemoryFile file(bytes);
    const ostree::ContentObject object = ostree::open_filez(open_memory(file));
    require(S_ISLNK(object.mode) || S_ISREG(object.mode));
    // The header says the same when it is written again.
    const ostree::FileMeta meta{
        .uid = object.uid, .gid = object.gid, .mode = object.mode, .xattrs = object.xattrs};
    const fuzz::MemoryFile again(ostree::archive_file_header(meta, object.target, object.size));
    const ostree::ContentObject second = ostree::open_filez(open_memory(again));
    require(second.uid == object.uid && second.gid == object.gid && second.mode == object.mode);
    require(second.xattrs == object.xattrs && second.target == object.target && second.size == object.size);
    std::string whole;
    const bool is_whole = accepts([&] { whole = read_filez(file, 1UL << 16U); });
    std::string pieces;
    require(accepts([&] { pieces = read_filez(file, 7); }) == is_whole && pieces == whole);
}

void check_xattrs(std::string_view bytes) {
    const auto xattrs = ostree::parse_xattrs(bytes);
    const std::string text = ostree::serialize_xattrs(xattrs);
    require(ostree::parse_xattrs(text) == xattrs);
}

// An object of that name, for as long as this lives.
class PlacedObject {
  public:
    PlacedObject(std::string_view bytes, ostree::ObjectType type) : checksum(sha256(as_bytes(bytes))) {
        path_ = concat(harness().repository.path(), "/objects/", ostree::loose_path(checksum, type, true));
        if (std::filesystem::exists(path_)) {
            path_.clear();  // one of the repository's own
            return;
        }
        std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
        std::ofstream(path_, std::ios::binary) << bytes;
    }
    PlacedObject(const PlacedObject&) = delete;
    PlacedObject& operator=(const PlacedObject&) = delete;
    ~PlacedObject() {
        if (!path_.empty()) std::remove(path_.c_str());
    }

    const Sha256 checksum;

  private:
    std::string path_;
};

void check_walk(const Sha256& tree, const Sha256& meta) {
    const ostree::CommitWalk walk = ostree::walk_tree(harness().repository, tree, meta);
    require(!walk.directories.empty() && walk.directories.front().path.empty());
    for (std::size_t i = 1; i < walk.directories.size(); ++i)
        require(ostree::before_in_tree(walk.directories[i - 1].path, walk.directories[i].path));
    for (const ostree::WalkedDirectory& directory : walk.directories) {
        require(directory.mode <= 07777);
        require(ostree::find_directory(walk, directory.path) == &directory);
    }
    for (const ostree::WalkedFile& file : walk.files) {
        require(!file.paths.empty());
        for (const std::string& path : file.paths)
            require(!path.empty() && path.front() != '/' && path.find("/../") == std::string::npos);
    }
}

void check(char kind, std::string_view bytes) {
    switch (kind) {
        case 'f':
            return check_filez(bytes);
        case 'c':
            return static_cast<void>(ostree::root_of(as_bytes(bytes)));
        case 'x':
            return check_xattrs(bytes);
        case 't':
            return check_walk(PlacedObject(bytes, ostree::ObjectType::dirtree).checksum, harness().root.meta);
        default:
            return check_walk(harness().root.tree, PlacedObject(bytes, ostree::ObjectType::dirmeta).checksum);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    accepts([&] { check(static_cast<char>(data[0]), as_text({data + 1, size - 1})); });
    return 0;
}
