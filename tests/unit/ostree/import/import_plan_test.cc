// What an import is to do, as the options, the repository and the image's labels say before a layer is read.
#include "ostree/import/import_plan.hh"

#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class ImportPlanTest : public ImportTest {
  protected:
    void SetUp() override {
        ImportTest::SetUp();
        make_quick(repo_path());
    }

    ostree::ImportPlan plan(const oci::Image& image, ostree::ImportOptions options = {}) const {
        if (!options.ref && options.name.empty()) options.ref = ostree::RefName::parse("os/test");
        return ostree::plan_import(ostree::Repository::open(repo_path()), image, options);
    }

    // The kind of the error that planning ends with; nothing when it does not.
    std::optional<ErrorKind> error_of(const oci::Image& image, const ostree::ImportOptions& options) const {
        try {
            plan(image, options);
        } catch (const Error& error) {
            return error.kind();
        }
        return std::nullopt;
    }

    static oci::Image ordinary(const char* content = "1") {
        return image_of({TarBuilder().file("a", content)}).image;
    }

    // An image of two layers, of which `base_layers` are said to hold a commit.
    static oci::Image labelled(std::size_t base_layers) {
        const std::vector<MemoryLayer> layers{{TarBuilder().file("a", "1").finish()},
                                              {TarBuilder().file("b", "2").finish()}};
        MemoryImageOptions options;
        options.labels["ostree.final-diffid"] =
            oci::Digest::of(as_bytes(layers[base_layers - 1].tar)).to_string();
        return make_image(layers, options).image;
    }
};

TEST_F(ImportPlanTest, TheRefIsTheOneGivenOrMadeOfMachineAndName) {
    EXPECT_EQ(plan(ordinary(), {.ref = ostree::RefName::parse("my/os")}).ref, "my/os");
    MemoryImageOptions options;
    options.architecture = "arm64";
    const MemoryImage arm = make_image({{TarBuilder().file("a", "1").finish()}}, options);
    EXPECT_EQ(plan(arm.image, {.name = "web"}).ref, "os/aarch64/web");
}

TEST_F(ImportPlanTest, TheParentIsResolvedWhenItIsGiven) {
    EXPECT_EQ(plan(ordinary()).parent, std::nullopt) << "not known before the layers are";
    EXPECT_EQ(plan(ordinary(), {.parent = ostree::Parent::none}).parent, std::nullopt);
    const ostree::CommitId commit = import(ordinary(), {.ref = ostree::RefName::parse("os/parent")}).commit;
    const std::string checksum(commit.text());
    for (const std::string& rev : {checksum, std::string("os/parent"), checksum.substr(0, 10)}) {
        EXPECT_EQ(plan(ordinary(), {.parent = ostree::Parent::commit, .parent_commit = rev}).parent, commit);
    }
    for (const std::string& rev : {std::string(64, 'a'), std::string("os/none")}) {
        EXPECT_EQ(error_of(ordinary(), {.parent = ostree::Parent::commit, .parent_commit = rev}),
                  ErrorKind::not_found)
            << rev;
    }
}

TEST_F(ImportPlanTest, ThePresentCommitIsTheOneThatTheRefNames) {
    EXPECT_EQ(plan(ordinary()).present, std::nullopt);
    const ostree::CommitId commit = import(ordinary("1")).commit;
    EXPECT_EQ(plan(ordinary("2")).present, commit) << "of whatever image";
    EXPECT_EQ(plan(ordinary("2"), {.ref = ostree::RefName::parse("os/other")}).present, std::nullopt);
}

TEST_F(ImportPlanTest, LabelsSayHowManyLayersHoldACommit) {
    const ostree::ImportPlan none = plan(ordinary());
    EXPECT_EQ(none.base_layers, 0U);
    EXPECT_FALSE(none.is_only_base);
    EXPECT_FALSE(none.may_be_base);
    const ostree::ImportPlan derived = plan(labelled(1));
    EXPECT_EQ(derived.base_layers, 1U);
    EXPECT_FALSE(derived.is_only_base);
    EXPECT_FALSE(derived.may_be_base);
    const ostree::ImportPlan only = plan(labelled(2));
    EXPECT_EQ(only.base_layers, 2U);
    EXPECT_TRUE(only.is_only_base);
    EXPECT_TRUE(only.may_be_base);
}

TEST_F(ImportPlanTest, WithASubjectOrAParentTheResultIsNotTheBaseItself) {
    EXPECT_FALSE(plan(labelled(2), {.subject = "mine"}).may_be_base);
    const ostree::ImportPlan orphan = plan(labelled(2), {.parent = ostree::Parent::none});
    EXPECT_FALSE(orphan.may_be_base);
    EXPECT_TRUE(orphan.is_only_base);
}

TEST_F(ImportPlanTest, WhatCannotBeDoneIsRefused) {
    EXPECT_EQ(error_of(ordinary(), {.subject = std::string("a\0b", 3)}), ErrorKind::usage);
    EXPECT_EQ(error_of(ordinary(), {.name = std::string("a\nb")}), ErrorKind::usage);
    oci::Image lying = labelled(2);
    lying.config.labels["ostree.final-diffid"] = "sha256:" + std::string(64, 'b');
    EXPECT_EQ(error_of(lying, {}), ErrorKind::invalid);
}

TEST_F(ImportPlanTest, AnImageWithoutLayersIsNoCommit) {
    oci::Image empty = ordinary();
    empty.manifest.layers.clear();
    empty.config.diff_ids.clear();
    EXPECT_FALSE(plan(empty).is_only_base);
    EXPECT_FALSE(plan(empty).may_be_base);
}

class CommitParentTest : public ::testing::Test {
  protected:
    static ostree::CommitId commit(char digit) { return ostree::CommitId::parse(std::string(64, digit)); }

    const ostree::CommitId asked_ = commit('1');
    const ostree::CommitId base_ = commit('2');
    const ostree::CommitId before_ = commit('3');
    const ostree::CommitId now_ = commit('4');
    ostree::ImportPlan plan_{.ref = ostree::RefName::parse("os/test"), .subject = {}, .present = before_};
};

TEST_F(CommitParentTest, TheOneAskedForComesFirst) {
    plan_.parent_choice = ostree::Parent::commit;
    plan_.parent = asked_;
    EXPECT_EQ(ostree::commit_parent(plan_, base_, now_), asked_);
    plan_.parent_choice = ostree::Parent::none;
    plan_.parent.reset();
    EXPECT_EQ(ostree::commit_parent(plan_, base_, now_), std::nullopt) << "none was asked for";
}

TEST_F(CommitParentTest, ThenTheBaseThenTheRefsCommit) {
    EXPECT_EQ(ostree::commit_parent(plan_, base_, now_), base_);
    EXPECT_EQ(ostree::commit_parent(plan_, std::nullopt, now_), now_);
    EXPECT_EQ(ostree::commit_parent(plan_, std::nullopt, std::nullopt), before_)
        << "the ref was deleted meanwhile";
    plan_.present.reset();
    EXPECT_EQ(ostree::commit_parent(plan_, std::nullopt, std::nullopt), std::nullopt);
}

}  // namespace
}  // namespace osb::test
