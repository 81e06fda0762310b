// A commit written as an encapsulated layer: every object is there under its name, and the tree beside it.
#include "ostree/encapsulated_tar.hh"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "oci/tar_reader.hh"
#include "ostree/object_format.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class StringSink final : public Sink {
  public:
    void write(ByteView bytes) override { text += as_text(bytes); }
    std::string text;
};

struct Read {
    oci::TarEntry entry;
    std::string content;
};

std::vector<Read> read_tar(const std::string& bytes) {
    MemorySource source(as_bytes(bytes));
    oci::TarReader reader(source);
    std::vector<Read> out;
    oci::TarEntry entry;
    while (reader.next(entry)) {
        std::string content(entry.type == oci::TarType::file ? entry.size : 0, '\0');
        std::size_t done = 0;
        while (done < content.size()) {
            done +=
                reader.read({reinterpret_cast<std::uint8_t*>(content.data()) + done, content.size() - done});
        }
        out.push_back({entry, content});
    }
    return out;
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
        layer.directory("usr/share", 0750);
        bootable({layer});
        repository_.emplace(ostree::Repository::open(repo_path()));
        walk_ = ostree::walk_commit(*repository_, *repository_->resolve("os/test"));
    }

    std::vector<Read> commit_layer() {
        StringSink sink;
        oci::TarWriter tar(sink);
        ostree::EncapsulatedTar(*repository_, walk_).write_commit(tar);
        tar.finish();
        return read_tar(sink.text);
    }

    std::vector<Read> file_layer() {
        StringSink sink;
        oci::TarWriter tar(sink);
        const ostree::EncapsulatedTar encapsulated(*repository_, walk_);
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

TEST_F(EncapsulatedTarTest, MetadataObjectsAreWhatTheirNamesSay) {
    const auto entries = commit_layer();
    std::set<std::string> found;
    std::set<std::string> directories;
    for (const auto& [entry, content] : entries) {
        if (entry.type == oci::TarType::directory) {
            EXPECT_TRUE(directories.insert(entry.path).second) << entry.path;
        }
        if (entry.type != oci::TarType::file || entry.path.ends_with("/config")) continue;
        EXPECT_EQ(to_hex(sha256(as_bytes(content))), checksum_in(entry.path)) << entry.path;
        EXPECT_TRUE(found.insert(checksum_in(entry.path) + entry.path.substr(entry.path.rfind('.'))).second);
    }
    EXPECT_TRUE(found.contains(walk_.checksum + ".commit"));
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
        const auto& [entry, content] = entries[i];
        if (entry.type == oci::TarType::hardlink) links[entry.path] = entry.link_target;
        if (!entry.path.ends_with(".file")) continue;
        const mode_t type = entry.type == oci::TarType::symlink ? S_IFLNK : S_IFREG;
        const std::string header = ostree::file_header(
            {.uid = entry.uid, .gid = entry.gid, .mode = type | entry.mode, .xattrs = entries[i - 1].content},
            entry.link_target);
        EXPECT_EQ(entries[i - 1].entry.path, entry.path + "-xattrs-link");
        EXPECT_EQ(to_hex(sha256(as_bytes(header + content))), checksum_in(entry.path));
        objects.insert(checksum_in(entry.path));
    }
    EXPECT_EQ(objects.size(), walk_.files.size());
    EXPECT_EQ(links.at("usr/a"), links.at("usr/b"));
    EXPECT_TRUE(links.contains("etc/passwd"));
    EXPECT_TRUE(links.contains("usr/l"));
    EXPECT_FALSE(links.contains("usr/empty"));
    const auto is_empty = [](const Read& read) {
        return read.entry.path == "usr/empty" && read.entry.type == oci::TarType::file;
    };
    EXPECT_EQ(std::count_if(entries.begin(), entries.end(), is_empty), 1);
    const auto is_ping = [](const Read& read) {
        return read.entry.path.ends_with(".file") && !read.entry.xattrs.empty();
    };
    EXPECT_EQ(std::count_if(entries.begin(), entries.end(), is_ping), 1);
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
