// The forecast of a merge: every change has the fate that the plan gives it.
#include "system/etc/etc_changes.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/bytes.hh"

namespace osb::system {
namespace {

EtcEntry changes_entry(EtcType type, const std::string& content, mode_t mode = 0644) {
    EtcEntry out;
    out.type = type;
    out.mode = mode;
    out.size = type == EtcType::file ? content.size() : 0;
    (type == EtcType::symlink ? out.target : out.digest) = content;
    return out;
}

class EtcChangesTest : public ::testing::Test {
  protected:
    EtcChangesTest() {
        for (EtcSide* side : {&image_, &local_, &next_})
            side->tree.emplace("", changes_entry(EtcType::directory, "", 0755));
    }

    static void put(EtcSide& side, const std::string& path, const EtcEntry& entry) {
        side.tree.insert_or_assign(path, entry);
        if (path == "passwd") side.accounts["passwd"] = entry.digest;
    }
    static void file(EtcSide& side, const std::string& path, const std::string& content, mode_t mode = 0644) {
        put(side, path, changes_entry(EtcType::file, content, mode));
    }
    static void folder(EtcSide& side, const std::string& path, mode_t mode = 0755) {
        put(side, path, changes_entry(EtcType::directory, "", mode));
    }

    // "PATH CHANGE WHAT FATE;" for each change.
    std::string found() const {
        std::string out;
        for (const EtcChange& change : compare_etc(image_, local_, next_).changes) {
            const ostree::EntryAspects& what = change.what;
            out += concat(change.path, ' ',
                          change.change == ostree::EntryChange::added     ? '+'
                          : change.change == ostree::EntryChange::removed ? '-'
                                                                          : '~',
                          what.content ? "c" : "", what.mode ? "m" : "", what.owner ? "o" : "",
                          what.xattrs ? "x" : "", what.type ? "t" : "", what.target ? "l" : "", ' ');
            out += change.fate == EtcFate::kept      ? "kept"
                   : change.fate == EtcFate::joined  ? "joined"
                   : change.fate == EtcFate::renamed ? "renamed " + change.new_path
                                                     : "dropped";
            out += ';';
        }
        return out;
    }

    EtcSide image_;
    EtcSide local_;
    EtcSide next_;
};

TEST_F(EtcChangesTest, AddedRemovedChanged) {
    for (EtcSide* side : {&image_, &next_}) {
        file(*side, "same", "1");
        file(*side, "changed", "1");
        file(*side, "removed", "1");
    }
    file(local_, "same", "1");
    file(local_, "changed", "2");
    file(local_, "added", "1");
    file(next_, "changed", "3");
    EXPECT_EQ(found(), "/etc/added + kept;/etc/changed ~c kept;/etc/removed - kept;");
}

TEST_F(EtcChangesTest, EachAspect) {
    for (EtcSide* side : {&image_, &local_, &next_}) {
        for (const char* name : {"mode", "owner", "xattrs", "label"}) file(*side, name, "1");
        put(*side, "link",
            changes_entry(EtcType::symlink, side == &local_ ? "b" : "a", side == &local_ ? 0755 : 0777));
        put(*side, "type", changes_entry(side == &local_ ? EtcType::symlink : EtcType::file, "a"));
    }
    local_.tree.at("mode").mode = 0600;
    local_.tree.at("owner").gid = 7;
    local_.tree.at("xattrs").xattrs["user.x"] = "1";
    local_.tree.at("label").xattrs[std::string(kSelinuxLabel)] = "1";
    local_.tree.at("").mode = 0700;
    EXPECT_EQ(found(),
              "/etc ~m kept;/etc/link ~l kept;/etc/mode ~m kept;/etc/owner ~o kept;/etc/type ~t "
              "kept;/etc/xattrs ~x kept;");
}

TEST_F(EtcChangesTest, AccountFilesAreJoined) {
    file(image_, "passwd", "root:x:0:0::/:/bin/sh\n");
    file(local_, "passwd", "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n");
    file(next_, "passwd", "root:x:0:0::/:/bin/sh\n");
    EXPECT_EQ(found(), "/etc/passwd ~c joined;");
}

TEST_F(EtcChangesTest, AFileInThePlaceOfADirectory) {
    file(local_, "app", "mine");
    folder(next_, "app");
    file(next_, "app/conf", "1");
    EXPECT_EQ(found(), "/etc/app + renamed /etc/app.osb-local;");
    EXPECT_EQ(compare_etc(image_, local_, next_).notes.size(), 1U);
}

TEST_F(EtcChangesTest, ADirectoryInThePlaceOfAFile) {
    folder(local_, "app");
    file(local_, "app/conf", "mine");
    file(next_, "app", "1");
    EXPECT_EQ(found(),
              "/etc/app + renamed /etc/app.osb-local;/etc/app/conf + renamed /etc/app.osb-local/conf;");
}

TEST_F(EtcChangesTest, APartThatIsLeftOutIsSaid) {
    local_.left_out = {"/etc/big is left out"};
    EXPECT_EQ(compare_etc(image_, local_, next_).notes, local_.left_out);
}

}  // namespace
}  // namespace osb::system
