// A commit written as an encapsulated layer: every object is there under its name, and the tree beside it.
#include "ostree/export/encapsulated_tar.hh"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "ostree/objects/object_format.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/string_sink.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

std::vector<ReadEntry> read_tar(const std::string& bytes) {
    const ReadArchive archive = read_archive(bytes);
    EXPECT_EQ(archive.error, "");
    return archive.entries;
}

class EncapsulatedTarTest : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        TarBuilder layer;
        layer.pax({{"SCHILY.xattr.security.capability", "cap"}}).file("usr/bin/ping", "elf", 0755);
        layer.file("etc/passwd", "root")
            .file("usr/a", "same")
            .file("usr/b", "same")
            .file("usr/empty", "")
            .symlink("usr/l", "a//b");
        layer.directory("usr/share", 0750).file("usr/share/x", "in it");
        bootable({layer});
        repository_.emplace(ostree::Repository::open(repo_path()));
        walk_ = ostree::walk_commit(*repository_, *repository_->resolve("os/test"));
    }

    std::vector<ReadEntry> commit_layer() {
        StringSink sink;
        oci::TarWriter tar(sink);
        ostree::EncapsulatedTar(*repository_, walk_).write_commit(tar);
        tar.finish();
        return read_tar(sink.text);
    }

    std::vector<ReadEntry> file_layer() {
        StringSink sink;
        oci::TarWriter tar(sink);
        ostree::EncapsulatedTar encapsulated(*repository_, walk_);
        encapsulated.write_repository(tar);
        for (const auto& file : walk_.files) encapsulated.write_file(tar, file);
        tar.finish();
        return read_tar(sink.text);
    }

    std::optional<ostree::Repository> repository_;
    ostree::CommitWalk walk_;
};

std::string checksum_in(const std::string& path) {
    const std::string name = path.substr(std::string("sysroot/ostree/repo/objects/").size());
    return name.substr(0, 2) + name.substr(3, 62);
}

TEST_F(EncapsulatedTarTest, NamesThatAreNotShown) {
    for (const char* path : {".wh.a", "usr/.wh.a", "usr/.wh..wh..opq", ".wh.d/f", "sysroot/ostree/repo",
                             "sysroot/ostree/repo/objects/00/x.file", "sysroot/ostree/repo/config"}) {
        EXPECT_FALSE(ostree::is_shown(path)) << path;
    }
    for (const char* path : {"", "usr/a.wh.", "usr/.wha", "sysroot", "sysroot/ostree",
                             "sysroot/ostree/repository", "sysroot/file"}) {
        EXPECT_TRUE(ostree::is_shown(path)) << path;
    }
    for (auto& file : walk_.files) {
        if (file.paths.front() == "usr/a") file.paths = {"sysroot", "usr/.wh.b", "usr/b"};
    }
    std::set<std::string> names;
    for (const ReadEntry& read : file_layer()) {
        EXPECT_TRUE(names.insert(read.entry.path).second || read.entry.path.ends_with('/'));
    }
    EXPECT_TRUE(names.contains("usr/b"));
    EXPECT_FALSE(names.contains("usr/.wh.b"));
    EXPECT_FALSE(names.contains("sysroot"));
}

TEST_F(EncapsulatedTarTest, MetadataObjectsAreWhatTheirNamesSay) {
    const auto entries = commit_layer();
    std::set<std::string> found;
    std::set<std::string> directories;
    for (const ReadEntry& read : entries) {
        const oci::TarEntry& entry = read.entry;
        if (entry.type == oci::TarType::directory) {
            EXPECT_TRUE(directories.insert(entry.path).second) << entry.path;
        }
        if (entry.type != oci::TarType::file || entry.path.ends_with("/config")) continue;
        EXPECT_EQ(to_hex(sha256(as_bytes(read.content))), checksum_in(entry.path)) << entry.path;
        EXPECT_TRUE(found.insert(checksum_in(entry.path) + entry.path.substr(entry.path.rfind('.'))).second);
    }
    EXPECT_TRUE(found.contains(concat(*walk_.commit, ".commit")));
    for (const auto& directory : walk_.directories) {
        EXPECT_TRUE(found.contains(to_hex(directory.tree) + ".dirtree")) << directory.path;
        EXPECT_TRUE(found.contains(to_hex(directory.meta) + ".dirmeta")) << directory.path;
    }
    EXPECT_EQ(entries[0].entry.path, "./");
    EXPECT_TRUE(directories.contains("etc/"));
    EXPECT_TRUE(directories.contains("var/tmp/"));
    EXPECT_FALSE(directories.contains("usr/etc/"));
}

TEST_F(EncapsulatedTarTest, ContentObjectsAreWhatTheirNamesSay) {
    const auto entries = file_layer();
    std::map<std::string, std::string> links;
    std::set<std::string> objects;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const oci::TarEntry& entry = entries[i].entry;
        if (entry.type == oci::TarType::hardlink) links[entry.path] = entry.link_target;
        if (!entry.path.ends_with(".file")) continue;
        const mode_t type = entry.type == oci::TarType::symlink ? S_IFLNK : S_IFREG;
        const std::string header = ostree::file_header(
            {.uid = entry.uid, .gid = entry.gid, .mode = type | entry.mode, .xattrs = entries[i - 1].content},
            entry.link_target);
        EXPECT_EQ(entries[i - 1].entry.path, entry.path + "-xattrs-link");
        EXPECT_EQ(to_hex(sha256(as_bytes(header + entries[i].content))), checksum_in(entry.path));
        objects.insert(checksum_in(entry.path));
    }
    EXPECT_EQ(objects.size(), walk_.files.size());
    EXPECT_EQ(links.at("usr/a"), links.at("usr/b"));
    EXPECT_TRUE(links.contains("etc/passwd"));
    EXPECT_TRUE(links.contains("usr/l"));
    EXPECT_FALSE(links.contains("usr/empty"));
    const auto is_empty = [](const ReadEntry& read) {
        return read.entry.path == "usr/empty" && read.entry.type == oci::TarType::file;
    };
    EXPECT_EQ(std::count_if(entries.begin(), entries.end(), is_empty), 1);
    const auto is_ping = [](const ReadEntry& read) {
        return read.entry.path.ends_with(".file") && !read.entry.xattrs.empty();
    };
    EXPECT_EQ(std::count_if(entries.begin(), entries.end(), is_ping), 1);
}

// "commit", "config", "dirmeta", "dirtree" or the path of a directory; one for each entry.
std::string what_is(const oci::TarEntry& entry) {
    if (entry.type == oci::TarType::directory) return entry.path;
    return entry.path.ends_with("/config") ? "config" : entry.path.substr(entry.path.rfind('.') + 1);
}

TEST_F(EncapsulatedTarTest, TheFirstLayerIsInTheOrderThatImportersNeed) {
    std::vector<std::string> order;
    for (const ReadEntry& read : commit_layer()) order.push_back(what_is(read.entry));
    const auto place = [&order](const std::string& what) {
        const auto found = std::find(order.begin(), order.end(), what);
        EXPECT_NE(found, order.end()) << what;
        return found - order.begin();
    };
    const std::vector<std::string> head{"./",
                                        "sysroot/",
                                        "sysroot/ostree/",
                                        "sysroot/ostree/repo/",
                                        "sysroot/ostree/repo/objects/",
                                        "sysroot/ostree/repo/objects/00/"};
    ASSERT_GT(order.size(), head.size());
    EXPECT_TRUE(std::equal(head.begin(), head.end(), order.begin()));
    EXPECT_EQ(place("sysroot/ostree/repo/objects/ff/"), 5 + 255);
    EXPECT_EQ(place("commit"), place("config") + 1);
    EXPECT_EQ(place("dirmeta"), place("commit") + 1);
    EXPECT_EQ(place("dirtree"), place("dirmeta") + 1);
    // Then depth first: a directory after the one that it is in.
    std::set<std::string> seen;
    for (std::size_t i = static_cast<std::size_t>(place("dirtree")); i < order.size(); ++i) {
        const std::string& path = order[i];
        if (!path.ends_with('/')) continue;
        const std::size_t slash = path.rfind('/', path.size() - 2);
        if (slash != std::string::npos && path != "var/tmp/") {
            EXPECT_TRUE(seen.contains(path.substr(0, slash + 1))) << path;
        }
        seen.insert(path);
    }
    EXPECT_TRUE(seen.contains("usr/share/"));
    EXPECT_LT(place("etc/"), place("usr/share/"));
}

// Directories that a name is in come before it, once, with the commit's modes.
TEST_F(EncapsulatedTarTest, AnObjectIsFollowedByItsNames) {
    std::vector<oci::TarEntry> entries;
    std::map<std::string, std::uint32_t> directories;
    for (const ReadEntry& read : file_layer()) {
        const oci::TarEntry& entry = read.entry;
        if (entry.type == oci::TarType::directory) {
            EXPECT_TRUE(directories.emplace(entry.path, entry.mode).second) << entry.path << " twice";
            continue;
        }
        const std::size_t slash = entry.path.rfind('/');
        if (slash != std::string::npos) {
            EXPECT_TRUE(directories.contains(entry.path.substr(0, slash + 1))) << entry.path;
        }
        if (!entry.path.ends_with("/config")) entries.push_back(entry);
    }
    EXPECT_EQ(directories.at("usr/share/"), 0750U);
    EXPECT_EQ(directories.count("usr/etc/"), 0U);
    EXPECT_EQ(directories.count("./"), 1U);
    std::size_t next = 0;
    for (const ostree::WalkedFile& file : walk_.files) {
        ASSERT_LE(next + 2 + file.paths.size(), entries.size());
        const std::string object = entries[next + 1].path;
        EXPECT_EQ(checksum_in(object), to_hex(file.checksum));
        EXPECT_EQ(entries[next].path, object + "-xattrs-link");
        for (std::size_t i = 0; i < file.paths.size(); ++i) {
            const oci::TarEntry& name = entries[next + 2 + i];
            EXPECT_EQ(name.path, ostree::image_path(file.paths[i]));
            if (name.type == oci::TarType::hardlink) {
                EXPECT_EQ(name.link_target, object);
            }
        }
        next += 2 + file.paths.size();
    }
    EXPECT_EQ(next, entries.size());
}

TEST_F(EncapsulatedTarTest, FilesComeInTheOrderOfTheirPaths) {
    for (std::size_t i = 1; i < walk_.files.size(); ++i) {
        EXPECT_LT(walk_.files[i - 1].paths.front(), walk_.files[i].paths.front());
    }
    EXPECT_EQ(ostree::image_path("usr/etc/x"), "etc/x");
    EXPECT_EQ(ostree::image_path("usr/etc"), "etc");
    EXPECT_EQ(ostree::image_path("usr/etcetera"), "usr/etcetera");
}

}  // namespace
}  // namespace osb::test
