#include "system/etc/etc_plan.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/bytes.hh"

namespace osb::system {
namespace {

EtcEntry plan_entry(EtcType type, const std::string& content, mode_t mode) {
    EtcEntry out;
    out.type = type;
    out.mode = mode;
    out.size = type == EtcType::file ? content.size() : 0;
    (type == EtcType::symlink ? out.target : out.digest) = content;
    return out;
}

// "PATH=CONTENT" is a file, "PATH/" a directory, "PATH>TARGET" a link; directories above are made.
EtcSide side(std::initializer_list<std::string_view> rows) {
    EtcSide out;
    out.tree.emplace("", plan_entry(EtcType::directory, "", 0755));
    for (const std::string_view row : rows) {
        const std::size_t mark = row.find_first_of("=>");
        std::string path(row.substr(0, mark));
        for (std::size_t slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1))
            out.tree.emplace(path.substr(0, slash), plan_entry(EtcType::directory, "", 0755));
        if (path.back() == '/') continue;
        const std::string content(row.substr(mark + 1));
        const bool is_link = row[mark] == '>';
        out.tree.insert_or_assign(path,
                                  plan_entry(is_link ? EtcType::symlink : EtcType::file, content, 0644));
        if (!is_link && (path == "passwd" || path == "group")) out.accounts[path] = content;
    }
    return out;
}

// "PATH=CONTENT" and the like of the result, without the root.
std::string describe(const EtcPlan& plan) {
    std::string out;
    for (const auto& [path, step] : plan.result) {
        if (path.empty()) continue;
        const EtcEntry& entry = step.entry;
        out += out.empty() ? "" : " ";
        if (entry.is_directory()) out += path + '/';
        if (entry.type == EtcType::symlink) out += concat(path, '>', entry.target);
        if (entry.type == EtcType::file)
            out += concat(path, '=', step.action == EtcAction::join ? step.text : entry.digest);
    }
    return out;
}

struct PlanRow {
    const char* what;
    EtcSide before;
    EtcSide local;
    EtcSide now;
    const char* result;
};

TEST(EtcPlan, ThreeWays) {
    const PlanRow rows[] = {
        {"unchanged: the image's", side({"a=1"}), side({"a=1"}), side({"a=2"}), "a=2"},
        {"changed here", side({"a=1"}), side({"a=x"}), side({"a=2"}), "a=x"},
        {"added here", side({}), side({"a=x"}), side({}), "a=x"},
        {"added there", side({}), side({}), side({"a=2"}), "a=2"},
        {"added by both", side({}), side({"a=x"}), side({"a=2"}), "a=x"},
        {"removed here", side({"a=1"}), side({}), side({"a=2"}), ""},
        {"removed there", side({"a=1"}), side({"a=1"}), side({}), ""},
        {"removed there, changed here", side({"a=1"}), side({"a=x"}), side({}), "a=x"},
        {"a directory removed here", side({"d/a=1"}), side({}), side({"d/a=1", "d/b=2"}), ""},
        {"a directory removed there", side({"d/a=1"}), side({"d/a=1"}), side({}), ""},
        {"and something added here", side({"d/a=1"}), side({"d/a=1", "d/mine=x"}), side({}), "d/ d/mine=x"},
        {"a link for a directory, here", side({"d/a=1"}), side({"d>/var/d"}), side({"d/a=2"}), "d>/var/d"},
        {"a directory for a file, here", side({"a=1"}), side({"a/b=x"}), side({"a=2"}), "a/ a/b=x"},
        {"a directory for a file, there", side({"a=1"}), side({"a=1"}), side({"a/b=2"}), "a/ a/b=2"},
        {"a file for a directory, there", side({"a/b=1"}), side({"a/b=1"}), side({"a=2"}), "a=2"},
        {"a link follows", side({"a>1"}), side({"a>1"}), side({"a>2"}), "a>2"},
        {"names that sort between", side({"d/a=1", "d-x=1"}), side({"d/a=y", "d-x=1"}),
         side({"d/a=2", "d-x=2"}), "d/ d-x=2 d/a=y"},
    };
    for (const PlanRow& row : rows) {
        const EtcPlan plan = plan_merge(row.before, row.local, row.now);
        EXPECT_EQ(describe(plan), row.result) << row.what;
        EXPECT_TRUE(plan.notes.empty()) << row.what;
    }
}

TEST(EtcPlan, AFileAndADirectoryOfOneNameAreBothKept) {
    const PlanRow rows[] = {
        {"our file, their directory", side({"app=1"}), side({"app=x"}), side({"app/conf=2"}),
         "app/ app.osb-local=x app/conf=2"},
        {"our directory, their file", side({"app/a=1"}), side({"app/a=x", "app/b=y"}), side({"app=2"}),
         "app=2 app.osb-local/ app.osb-local/a=x app.osb-local/b=y"},
        {"both new", side({}), side({"app=x"}), side({"app/conf=2"}), "app/ app.osb-local=x app/conf=2"},
        {"the name is taken", side({"app=1"}), side({"app=x", "app.osb-local=w"}), side({"app/conf=2"}),
         "app/ app.osb-local=w app.osb-local.1=x app/conf=2"},
    };
    for (const PlanRow& row : rows) {
        const EtcPlan plan = plan_merge(row.before, row.local, row.now);
        EXPECT_EQ(describe(plan), row.result) << row.what;
        EXPECT_EQ(plan.notes.size(), 1U) << row.what;
    }
    const EtcPlan plan = plan_merge(side({"app=1"}), side({"app=x"}), side({"app/conf=2"}));
    EXPECT_EQ(plan.notes.front(),
              "/etc/app is a directory in the new image: the file of this machine is now "
              "/etc/app.osb-local");
}

TEST(EtcPlan, OwnerModeAndAttributesAreChangesToo) {
    const EtcSide before = side({"a=1", "b=1"});
    EtcSide local = before;
    EtcSide now = side({"a=2", "b=2"});
    local.tree.at("a").mode = 0600;
    local.tree.at("b").xattrs["security.selinux"] = "label";
    EXPECT_EQ(describe(plan_merge(before, local, now)), "a=1 b=2") << "a label is not a change";
    local.tree.at("b").xattrs["security.capability"] = "\1";
    EXPECT_EQ(describe(plan_merge(before, local, now)), "a=1 b=1");
}

TEST(EtcPlan, AccountFilesAreJoinedTogetherOrNotAtAll) {
    const EtcSide before = side({"passwd=a:x:1:1::/:\n", "group=a:x:1:\n"});
    EtcSide local = side({"passwd>elsewhere", "group=a:x:1:\nmine:x:1000:\n"});
    const EtcSide now = side({"passwd=a:x:1:1::/:\nntp:x:12:12::/:\n", "group=a:x:1:\nntp:x:12:\n"});
    const EtcPlan plan = plan_merge(before, local, now);
    EXPECT_EQ(plan.result.at("group").action, EtcAction::local);
    ASSERT_EQ(plan.notes.size(), 2U);
    EXPECT_EQ(plan.notes[1],
              "/etc/group is not merged by entry, because /etc/passwd is not a regular file: it is the "
              "machine's if the machine changed it, else the image's");
}

TEST(EtcPlan, ALongNameIsShortenedBesideADirectory) {
    const std::string name = "d/" + std::string(249, 'n') + "\xc3\xa4\xc3\xa4";
    const EtcSide before = side({"d/"});
    const EtcSide local = side({"d/", name + "=mine"});
    const EtcSide now = side({"d/", name + "/file=1"});
    const EtcPlan plan = plan_merge(before, local, now);
    EXPECT_TRUE(plan.result.contains("d/" + std::string(245, 'n') + ".osb-local"));
}

TEST(EtcPlan, AccountsAreJoined) {
    const EtcSide before = side({"group=a:x:1:\n"});
    EtcSide local = side({"group=a:x:1:\nmine:x:1000:\n"});
    EtcSide now = side({"group=a:x:1:\nntp:x:12:\n"});
    now.tree.at("group").mode = 0640;
    EtcPlan plan = plan_merge(before, local, now);
    EXPECT_EQ(plan.result.at("group").text, "a:x:1:\nmine:x:1000:\nntp:x:12:\n");
    EXPECT_EQ(plan.result.at("group").entry.mode, 0640U) << "the image changed it, the machine did not";
    local.tree.at("group").mode = 0600;
    EXPECT_EQ(plan_merge(before, local, now).result.at("group").entry.mode, 0600U);
    local.tree.at("group") = plan_entry(EtcType::symlink, "elsewhere", 0777);
    local.accounts.clear();
    EXPECT_EQ(describe(plan_merge(before, local, now)), "group>elsewhere");
}

}  // namespace
}  // namespace osb::system
