// Metadata objects that have their checksums, and are not what ostree's own programs write: refused by pull
// and import alike, before any ref moves.
#include <functional>

#include "ostree/import/pull.hh"
#include "ostree/objects/glib.hh"
#include "ostree/tree/metadata_objects.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

using ostree::DirtreeDirectory;
using ostree::DirtreeFile;

// What an image's commit consists of. The checksums between the objects are right.
struct Made {
    std::string dirtree;  // of the root
    std::string dirmeta = ostree::dirmeta({.mode = 040755});
    std::string parent;  // raw bytes
    bool has_dirtree = true;
    std::string xattrs;  // of the file
    std::string target;  // the file is a link to it
};

class HostileMetadataTest : public ImportTest {
  protected:
    static Sha256 checksum(const std::string& bytes) { return sha256(as_bytes(bytes)); }

    static std::string object(const Sha256& checksum, const char* suffix) {
        std::string hex = to_hex(checksum);
        return concat("sysroot/ostree/repo/objects/", hex.substr(0, 2), '/', hex.substr(2), suffix);
    }

    static std::string commit_of(const Made& made) {
        const auto bytes = [](std::string_view of) { return ostree::byte_array(as_bytes(of)); };
        const ostree::GVariantPtr commit = ostree::take(g_variant_new(
            "(@a{sv}@ay@a(say)sst@ay@ay)", g_variant_new_array(G_VARIANT_TYPE("{sv}"), nullptr, 0),
            bytes(made.parent), g_variant_new_array(G_VARIANT_TYPE("(say)"), nullptr, 0), "", "", guint64{0},
            ostree::byte_array(checksum(made.dirtree)), ostree::byte_array(checksum(made.dirmeta))));
        return std::string(as_text(ostree::bytes_of(commit.get())));
    }

    static Sha256 file_checksum(const Made& made) {
        const bool is_link = !made.target.empty();
        const std::string header =
            ostree::file_header({.mode = is_link ? 0120777U : 0100644U, .xattrs = made.xattrs}, made.target);
        return checksum(is_link ? header : header + "content");
    }

    static MemoryImage image(const Made& made) {
        TarBuilder metadata;
        const std::string commit = commit_of(made);
        metadata.file(object(checksum(commit), ".commit"), commit)
            .file(object(checksum(made.dirmeta), ".dirmeta"), made.dirmeta);
        if (made.has_dirtree) metadata.file(object(checksum(made.dirtree), ".dirtree"), made.dirtree);
        const std::string empty = ostree::dirtree({}, {});
        metadata.file(object(checksum(empty), ".dirtree"), empty);
        TarBuilder files;
        files.file(object(file_checksum(made), ".file-xattrs-link"), made.xattrs);
        if (made.target.empty()) {
            files.file(object(file_checksum(made), ".file"), "content");
        } else {
            files.pax({{"linkpath", made.target}})
                .add({.name = object(file_checksum(made), ".file"),
                      .type = '2',
                      .link_name = "in the header before",
                      .mode = 0777});
        }
        const std::vector<MemoryLayer> layers{{metadata.finish()}, {files.finish()}};
        MemoryImageOptions options;
        options.labels = {{"ostree.commit", to_hex(checksum(commit))},
                          {"ostree.final-diffid", oci::Digest::of(as_bytes(layers[1].tar)).to_string()}};
        return make_image(layers, options);
    }

    // A root with this file, and directories that are empty.
    static Made with(const std::vector<std::string>& files, const std::vector<std::string>& directories) {
        Made made;
        set_tree(made, files, directories);
        return made;
    }

    static void set_tree(Made& made, const std::vector<std::string>& files,
                         const std::vector<std::string>& directories) {
        const Sha256 file = file_checksum(made);
        const Sha256 tree = checksum(ostree::dirtree({}, {}));
        std::vector<DirtreeFile> listed;
        for (const std::string& name : files) listed.push_back({name, &file});
        std::vector<DirtreeDirectory> below;
        for (const std::string& name : directories)
            below.push_back({name, tree, checksum(ostree::dirmeta({.mode = 040755}))});
        made.dirtree = ostree::dirtree(listed, below);
    }

    // What pull and import say; both must refuse with status 3 and move no ref.
    std::vector<std::string> refusals(const Made& made) {
        const MemoryImage hostile = image(made);
        std::vector<std::string> out;
        const auto note = [&](const char* who, const std::function<void(ostree::Repository&)>& action) {
            const std::string path = directory_ / concat(who, count_++);
            make_quick(path);
            ostree::Repository repository = ostree::Repository::open(path);
            try {
                action(repository);
                ADD_FAILURE() << who << " took it";
                out.emplace_back();
            } catch (const Error& error) {
                EXPECT_EQ(exit_status(error.kind()), 3) << who << ": " << error.message();
                out.push_back(error.message());
            }
            EXPECT_TRUE(repository.refs("").empty()) << who;
        };
        NoProgress progress;
        note("pull", [&](ostree::Repository& repository) {
            ostree::pull_image(repository, hostile.image, {.ref = ostree::RefName::parse("r")}, progress);
        });
        note("import", [&](ostree::Repository& repository) {
            ostree::import_image(repository, hostile.image, {.ref = ostree::RefName::parse("r")}, progress);
        });
        return out;
    }

    void expect_refused(const Made& made, const std::string& why) {
        for (const std::string& message : refusals(made))
            EXPECT_NE(message.find(why), std::string::npos) << message << ", expected: " << why;
    }

    void expect_taken(const Made& made) {
        const MemoryImage good = image(made);
        NoProgress progress;
        for (const char* who : {"pull", "import"}) {
            const std::string path = directory_ / concat(who, count_++);
            make_quick(path);
            ostree::Repository repository = ostree::Repository::open(path);
            if (std::string_view(who) == "pull") {
                ostree::pull_image(repository, good.image, {.ref = ostree::RefName::parse("r")}, progress);
            } else {
                ostree::import_image(repository, good.image,
                                     {.ref = ostree::RefName::parse("r"), .layout = ostree::Layout::plain},
                                     progress);
            }
            EXPECT_EQ(repository.resolve("r"), to_hex(checksum(commit_of(made))));
            verify_all_objects(path);
        }
    }

    unsigned count_ = 0;
};

TEST_F(HostileMetadataTest, AGoodOneIsTaken) {
    expect_taken(with({"a", "b"}, {"c", "d"}));
    Made made;
    made.parent = std::string(32, 'p');
    made.xattrs = ostree::serialize_xattrs({{"user.a", "1"}, {"user.b", std::string(60000, 'v')}});
    set_tree(made, {std::string(255, 'n')}, {});
    expect_taken(made);
}

TEST_F(HostileMetadataTest, Names) {
    expect_refused(with({std::string(256, 'n')}, {}), "256 bytes");
    expect_refused(with({}, {std::string(256, 'n')}), "256 bytes");
    expect_refused(with({"b", "a"}, {}), "out of order");
    expect_refused(with({}, {"b", "a"}), "out of order");
    expect_refused(with({"a", "a"}, {}), "twice");
    expect_refused(with({}, {"a", "a"}), "twice");
    expect_refused(with({"a", "b", "c"}, {"aa", "c"}), "a file and a directory");
    for (const char* name : {"", ".", "..", "a/b", "/"}) {
        expect_refused(with({name}, {}), "malformed dirtree");
        expect_refused(with({}, {name}), "malformed dirtree");
    }
    Made bad = with({"name"}, {});
    bad.dirtree.replace(bad.dirtree.find("name"), 4, "n\xff\xfe\xfd");
    expect_refused(bad, "normal form");
}

TEST_F(HostileMetadataTest, ModesOfDirectories) {
    for (const std::uint32_t mode : {0100755U, 0120755U, 0755U, 0U, 040755U | 0x10000U}) {
        Made made = with({"a"}, {});
        made.dirmeta = ostree::dirmeta({.mode = mode});
        expect_refused(made, "not that of a directory");
    }
}

TEST_F(HostileMetadataTest, Attributes) {
    const auto of_file = [](const std::string& xattrs) {
        Made made;
        made.xattrs = xattrs;
        set_tree(made, {"a"}, {});
        return made;
    };
    const auto of_directory = [](const std::string& xattrs) {
        Made made = with({"a"}, {});
        made.dirmeta = ostree::dirmeta({.mode = 040755, .xattrs = xattrs});
        return made;
    };
    using Xattrs = std::vector<std::pair<std::string, std::string>>;
    for (const auto& [xattrs, why] : std::vector<std::pair<Xattrs, std::string>>{
             {{{"user.b", "1"}, {"user.a", "1"}}, "out of order"},
             {{{"user.a", "1"}, {"user.a", "2"}}, "twice"},
             {{{"", "1"}}, "name of 0 bytes"},
             {{{std::string(256, 'n'), "1"}}, "name of 256 bytes"},
             {{{"user.a", std::string(65536, 'v')}}, "extended attributes of"}}) {
        expect_refused(of_file(ostree::serialize_xattrs(xattrs)), why);
        expect_refused(of_directory(ostree::serialize_xattrs(xattrs)), why);
    }
}

TEST_F(HostileMetadataTest, Links) {
    const auto to = [](const std::string& target) {
        Made made;
        made.target = target;
        set_tree(made, {"l"}, {});
        return made;
    };
    expect_taken(to("target"));
    expect_taken(to(std::string(4095, 't')));
    expect_refused(to(std::string(4096, 't')), "4096 bytes");
}

TEST_F(HostileMetadataTest, ParentsAndTheRoot) {
    for (const std::size_t length : {1U, 31U, 33U, 64U}) {
        Made made = with({"a"}, {});
        made.parent = std::string(length, 'p');
        expect_refused(made, "checksum of the wrong length");
    }
    Made missing = with({"a"}, {"d"});
    missing.has_dirtree = false;
    expect_refused(missing, "lacks");
}

TEST(MetadataObjects, ATreeHasAPlace) {
    EXPECT_NO_THROW(ostree::check_tree_place(std::string(4096, 'p'), 256));
    EXPECT_THROW(ostree::check_tree_place(std::string(4097, 'p'), 1), Error);
    EXPECT_THROW(ostree::check_tree_place("p", 257), Error);
}

TEST(MetadataObjects, LinkTargets) {
    EXPECT_NO_THROW(ostree::check_link_target(std::string(4095, 't')));
    EXPECT_NO_THROW(ostree::check_link_target("/usr/\xc3\xa4"));
    for (const std::string& target :
         {std::string(), std::string(4096, 't'), std::string("a\0b", 3), std::string("\xff")})
        EXPECT_THROW(ostree::check_link_target(target), Error) << target.size();
}

}  // namespace
}  // namespace osb::test
