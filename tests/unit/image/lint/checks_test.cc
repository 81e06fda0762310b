// Each check of `lint`: a fault that it finds, and trees in which it finds nothing. A tree of these tests
// begins as a good system, so a finding of another check shows as well.
#include "image/lint/checks.hh"

#include <functional>
#include <string>

#include "tests/unit/image/lint/memory_tree.hh"

namespace osb::test {
namespace {

using image::LintSource;

// A change of a good system, and the findings that it causes.
struct CheckCase {
    const char* name;
    std::function<void(Linted&)> change;
    const char* findings;
};

class LintChecks : public testing::TestWithParam<CheckCase> {};

TEST_P(LintChecks, FindsTheseFaultsAndNoOthers) {
    Linted linted;
    make_good(linted.tree);
    GetParam().change(linted);
    EXPECT_EQ(summary_of(linted.findings()), GetParam().findings);
}

class CommitLintChecks : public testing::TestWithParam<CheckCase> {};

TEST_P(CommitLintChecks, FindsTheseFaultsAndNoOthers) {
    Linted linted{.tree = {}, .source = LintSource::commit, .dropped = {}};
    make_good_commit(linted.tree);
    GetParam().change(linted);
    EXPECT_EQ(summary_of(linted.findings()), GetParam().findings);
}

std::string name_of(const testing::TestParamInfo<CheckCase>& info) {
    return info.param.name;
}

constexpr const char* kKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n";

INSTANTIATE_TEST_SUITE_P(
    Layout, LintChecks,
    testing::Values(
        CheckCase{"GoodSystem", [](Linted&) {}, ""},
        CheckCase{"ConflictOfFiles",
                  [](Linted& l) {
                      l.tree.file("bin/x", "one")
                          .file("usr/bin/x", "two")
                          .file("sbin/y", "1")
                          .file("usr/sbin/y", "1");
                  },
                  "error usr-merge /bin/x\n"},
        CheckCase{"ConflictDeepBelow",
                  [](Linted& l) { l.tree.file("lib/a/b/c", "one").link("usr/lib/a/b/c", "/etc/fstab"); },
                  "error usr-merge /lib/a/b/c\n"},
        CheckCase{
            "LinkToTheOtherFile",
            [](Linted& l) {
                l.tree.file("lib/libssl.so.3", "ssl").link("usr/lib/libssl.so.3", "../../lib/libssl.so.3");
            },
            ""},
        CheckCase{"UsrIsALink", [](Linted& l) { l.tree.remove("usr").link("usr", "/data"); },
                  "error layout /usr\n"},
        CheckCase{"FileInPlaceOfHome", [](Linted& l) { l.tree.file("home", "x"); }, "error layout \n"},
        CheckCase{"BothEtc", [](Linted& l) { l.tree.file("usr/etc/other", "x"); }, "warning etc /usr/etc\n"},
        CheckCase{"EmptyUsrEtc", [](Linted& l) { l.tree.directory("usr/etc"); }, ""},
        CheckCase{"ClosedRoot", [](Linted& l) { l.tree.directory("", 0700); }, "warning root-directory /\n"},
        CheckCase{"NameThatIsNotUtf8", [](Linted& l) { l.tree.file("etc/\xff", "x"); },
                  "error names /etc/\xff\n"},
        CheckCase{"NameInUtf8", [](Linted& l) { l.tree.file("etc/\xc3\xa4", "x"); }, ""},
        CheckCase{"Device", [](Linted& l) { l.tree.special("etc/pipe").special("dev/null"); },
                  "warning devices /etc/pipe\n"},
        CheckCase{"DroppedDevice",
                  [](Linted& l) {
                      l.dropped = {"dev/zero", "srv/fifo"};
                  },
                  "warning devices /srv/fifo\n"},
        CheckCase{"NoVersion", [](Linted& l) { l.version = ""; }, "warning version \n"},
        CheckCase{"VersionDoesNotApply", [](Linted& l) { l.version.reset(); }, ""}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Boot, LintChecks,
    testing::Values(
        CheckCase{"NoKernel", [](Linted& l) { l.tree.remove("boot/vmlinuz-virt"); }, "error kernel \n"},
        CheckCase{"TwoKernels",
                  [](Linted& l) {
                      l.tree.file("boot/vmlinuz-lts", bzimage() + "x")
                          .file("lib/modules/6.6-0-lts/kernel/a.ko", "ko");
                  },
                  "error kernel \n"},
        CheckCase{"ConflictAndNoKernel",
                  [](Linted& l) {
                      l.tree.file("bin/x", "one").file("usr/bin/x", "two").remove("boot/vmlinuz-virt");
                  },
                  "error usr-merge /bin/x\nerror kernel \n"},
        CheckCase{"ConflictThatHidesTheKernel",
                  [](Linted& l) {
                      l.tree.remove("boot/vmlinuz-virt").file("lib/modules/6.6-0-virt/vmlinuz", bzimage());
                      l.tree.file("usr/lib/modules", "x");
                  },
                  "error usr-merge /lib/modules\n"},
        CheckCase{"KernelBesideItsModules",
                  [](Linted& l) {
                      l.tree.remove("boot/vmlinuz-virt").file("lib/modules/6.6-0-virt/vmlinuz", bzimage());
                  },
                  ""},
        CheckCase{"KernelIsText", [](Linted& l) { l.tree.file("boot/vmlinuz-virt", "kernel"); },
                  "error kernel-format /boot/vmlinuz-virt\n"},
        CheckCase{"KernelOf32Bits", [](Linted& l) { l.tree.file("boot/vmlinuz-virt", bzimage(0)); },
                  "error kernel-format /boot/vmlinuz-virt\n"},
        CheckCase{"NoModules", [](Linted& l) { l.tree.remove("lib/modules/6.6-0-virt/kernel"); },
                  "warning modules /lib/modules/6.6-0-virt\n"},
        CheckCase{"NoModulesDep", [](Linted& l) { l.tree.remove("lib/modules/6.6-0-virt/modules.dep"); },
                  "error modules /lib/modules/6.6-0-virt\n"},
        CheckCase{"ModulesOfAnotherKernel",
                  [](Linted& l) { l.tree.file("lib/modules/5.1-0-lts/kernel/a.ko.gz", "ko"); },
                  "warning modules /lib/modules/5.1-0-lts\n"},
        CheckCase{"NoInitramfs", [](Linted& l) { l.tree.remove("boot/initramfs-virt"); },
                  "error initramfs /boot/vmlinuz-virt\n"},
        CheckCase{"DamagedInitramfs",
                  [](Linted& l) { l.tree.file("boot/initramfs-virt", good_initramfs().substr(0, 150)); },
                  "error initramfs /boot/initramfs-virt\n"},
        CheckCase{"InitramfsInXz",
                  [](Linted& l) {
                      l.tree.file("boot/initramfs-virt", std::string("\xFD"
                                                                     "7zXZ\0\0\0",
                                                                     8));
                  },
                  "warning initramfs /boot/initramfs-virt\n"},
        CheckCase{"InitramfsWithoutInit",
                  [](Linted& l) {
                      l.tree.file("boot/initramfs-virt",
                                  cpio_entry("sbin/ostree-prepare-root", 0100755, "") + cpio_trailer());
                  },
                  "error initramfs-init /boot/initramfs-virt\n"},
        CheckCase{"InitramfsWithInitThatIsNotAProgram",
                  [](Linted& l) {
                      l.tree.file("boot/initramfs-virt", cpio_entry("./init", 0100644, "") +
                                                             cpio_entry("ostree-prepare-root", 0100755, "") +
                                                             cpio_trailer());
                  },
                  "error initramfs-init /boot/initramfs-virt\n"},
        CheckCase{"InitramfsWithInitThatIsALink",
                  [](Linted& l) {
                      l.tree.file("boot/initramfs-virt", cpio_entry("init", 0120777, "bin/sh") +
                                                             cpio_entry("ostree-prepare-root", 0100755, "") +
                                                             cpio_trailer());
                  },
                  ""},
        CheckCase{"InitramfsWithoutPrepareRoot",
                  [](Linted& l) {
                      l.tree.file("boot/initramfs-virt", cpio_entry("init", 0100755, "") + cpio_trailer());
                  },
                  "error prepare-root /boot/initramfs-virt\n"},
        CheckCase{"NoInit", [](Linted& l) { l.tree.remove("sbin/init"); }, "error init /sbin/init\n"},
        CheckCase{"InitThatIsNotExecutable",
                  [](Linted& l) { l.tree.remove("sbin/init").file("sbin/init", "x", 0644); },
                  "error init /sbin/init\n"},
        CheckCase{"InitInUsr",
                  [](Linted& l) {
                      l.tree.link("sbin/init", "../usr/lib/init/init").file("usr/lib/init/init", "x", 0755);
                  },
                  ""},
        CheckCase{"ProgramsOfAnotherMachine",
                  [](Linted& l) { l.tree.file("bin/busybox", elf('\xB7'), 0755); }, "error platform \n"},
        CheckCase{"NoZipl",
                  [](Linted& l) {
                      l.platform = oci::Platform{.os = "linux", .architecture = "s390x", .variant = {}};
                      l.tree.file("bin/busybox", "#!", 0755);
                  },
                  "error zipl /usr/sbin/zipl\n"},
        CheckCase{"Zipl",
                  [](Linted& l) {
                      l.platform = oci::Platform{.os = "linux", .architecture = "s390x", .variant = {}};
                      l.tree.file("bin/busybox", "#!", 0755).file("sbin/zipl", "x", 0755);
                  },
                  ""}),
    name_of);

void set_fstab(Linted& linted, const std::string& text) {
    linted.tree.file("etc/fstab", text);
}

void set_kargs(Linted& linted, const std::string& text) {
    linted.tree.file("usr/lib/bootc/kargs.d/10.toml", text);
}

INSTANTIATE_TEST_SUITE_P(
    Configuration, LintChecks,
    testing::Values(
        CheckCase{"FstabOfAlpine",
                  [](Linted& l) {
                      set_fstab(l,
                                "# comment\n/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n"
                                "/dev/sda2 swap swap defaults 0 0\n");
                  },
                  ""},
        CheckCase{"FstabWithRoot", [](Linted& l) { set_fstab(l, "UUID=1234 / ext4 defaults 0 1\n"); },
                  "error fstab /etc/fstab\n"},
        CheckCase{"FstabWithUsr", [](Linted& l) { set_fstab(l, "/dev/sda3 /usr ext4 defaults 0 1\n"); },
                  "error fstab /etc/fstab\n"},
        CheckCase{"FstabWithBoot", [](Linted& l) { set_fstab(l, "LABEL=BOOT /boot ext4 defaults 0 1\n"); },
                  "warning fstab /etc/fstab\n"},
        CheckCase{"FstabWithMissingDirectory",
                  [](Linted& l) { set_fstab(l, "LABEL=data /data ext4 defaults 0 1\n"); },
                  "warning fstab /etc/fstab\n"},
        CheckCase{"FstabWithDirectory",
                  [](Linted& l) {
                      set_fstab(l, "LABEL=data /data ext4 defaults 0 1\nLABEL=x /mnt/x ext4 defaults 0 0\n");
                      l.tree.directory("data");
                  },
                  ""},
        CheckCase{"FstabWithHalfALine", [](Linted& l) { set_fstab(l, "/dev/sda1\n"); },
                  "warning fstab /etc/fstab\n"},
        CheckCase{"KernelArguments", [](Linted& l) { set_kargs(l, "kargs = [\"quiet\"]\n"); }, ""},
        CheckCase{"KernelArgumentRoot", [](Linted& l) { set_kargs(l, "kargs = [\"root=LABEL=x\"]\n"); },
                  "error kernel-arguments /usr/lib/bootc/kargs.d/10.toml\n"},
        CheckCase{"KernelArgumentsThatAreNotToml", [](Linted& l) { set_kargs(l, "kargs ="); },
                  "error kernel-arguments /usr/lib/bootc/kargs.d/10.toml\n"},
        CheckCase{"NoOsRelease", [](Linted& l) { l.tree.remove("etc/os-release"); },
                  "warning os-release /etc/os-release\n"},
        CheckCase{"OsReleaseInUsr",
                  [](Linted& l) { l.tree.remove("etc/os-release").file("usr/lib/os-release", "ID=x\n"); },
                  ""},
        CheckCase{
            "OsReleaseTooLong",
            [](Linted& l) { l.tree.file("etc/os-release", "PRETTY_NAME=" + std::string(3000, 'x') + "\n"); },
            "error os-release /etc/os-release\n"},
        CheckCase{"OsReleaseInUsrTooLong",
                  [](Linted& l) {
                      l.tree.remove("etc/os-release").link("etc/os-release", "../usr/lib/os-release");
                      l.tree.file("usr/lib/os-release", "PRETTY_NAME=" + std::string(3000, 'x') + "\n");
                  },
                  "error os-release /usr/lib/os-release\n"},
        CheckCase{"OsReleaseTooLarge", [](Linted& l) { l.tree.resize("etc/os-release", 2U << 20U); },
                  "warning os-release /etc/os-release\n"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Services, LintChecks,
    testing::Values(
        CheckCase{"MissingService",
                  [](Linted& l) { l.tree.link("etc/runlevels/boot/gone", "/etc/init.d/gone"); },
                  "warning runlevels /etc/runlevels/boot/gone\n"},
        CheckCase{"ServiceThatIsNotExecutable",
                  [](Linted& l) {
                      l.tree.link("etc/runlevels/boot/x", "/etc/init.d/x").file("etc/init.d/x", "#!", 0644);
                  },
                  "warning runlevels /etc/runlevels/boot/x\n"},
        CheckCase{"BootCheckInNoRunlevel",
                  [](Linted& l) { l.tree.remove("etc/runlevels/default/osb-boot-check"); },
                  "error boot-check /etc/init.d/osb-boot-check\n"},
        CheckCase{
            "NoBootCheck",
            [](Linted& l) {
                l.tree.remove("etc/runlevels/default/osb-boot-check").remove("etc/init.d/osb-boot-check");
            },
            "warning boot-check \n"}),
    name_of);

void add_var_service(Linted& linted) {
    linted.tree.file("etc/init.d/osb-var", "#!", 0755)
        .link("etc/runlevels/boot/osb-var", "/etc/init.d/osb-var");
}

INSTANTIATE_TEST_SUITE_P(
    Content, LintChecks,
    testing::Values(
        CheckCase{"EmptyDirectoriesAndLinksInVar",
                  [](Linted& l) {
                      l.tree.directory("var/lib/x")
                          .link("var/run", "/run")
                          .directory("home/user")
                          .link("var/spool/mail", "/var/mail");
                  },
                  ""},
        CheckCase{
            "FilesInVar",
            [](Linted& l) {
                add_var_service(l);
                l.tree.file("var/lib/db", "x").file("root/.profile", "x").file("srv/www/index.html", "x");
            },
            "warning var /var\n"},
        CheckCase{"FilesInVarWithoutTheService", [](Linted& l) { l.tree.file("var/lib/db", "x"); },
                  "warning var /var\nwarning var-service /var\n"},
        CheckCase{
            "FilesInRunAndTmp",
            [](Linted& l) { l.tree.file("run/x", "x").file("tmp/a/b", "x").file("var/tmp/y", "x"); },
            "warning runtime-content /run\nwarning runtime-content /tmp\nwarning runtime-content /var/tmp\n"},
        CheckCase{"FilesOfPodmanInRun",
                  [](Linted& l) { l.tree.file("run/.containerenv", "").directory("run/lock"); }, ""},
        CheckCase{"CacheOfApk", [](Linted& l) { l.tree.file("var/cache/apk/APKINDEX.1.tar.gz", "x"); },
                  "warning package-cache /var/cache/apk\n"},
        CheckCase{"EmptyCache", [](Linted& l) { l.tree.directory("var/cache/apk"); }, ""},
        CheckCase{"Logs", [](Linted& l) { l.tree.file("var/log/apk.log", "x"); }, "warning logs /var/log\n"},
        CheckCase{"EmptyLogs", [](Linted& l) { l.tree.file("var/log/wtmp", ""); }, ""}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Permissions, LintChecks,
    testing::Values(
        CheckCase{
            "UnknownSetuid",
            [](Linted& l) { l.tree.file("usr/bin/shell", "x", 04755).file("usr/bin/games", "x", 02755); },
            "warning setuid /usr/bin/games\nwarning setuid /usr/bin/shell\n"},
        CheckCase{"KnownSetuid",
                  [](Linted& l) { l.tree.file("bin/bbsuid", "x", 04111).file("usr/bin/sudo", "x", 04755); },
                  ""},
        CheckCase{"KnownNameElsewhere",
                  [](Linted& l) { l.tree.file("opt/sudo", "x", 04755).file("usr/local/bin/su", "x", 04755); },
                  "warning setuid /opt/sudo\nwarning setuid /usr/local/bin/su\n"},
        CheckCase{"SetgidWithoutExecute",
                  [](Linted& l) { l.tree.file("etc/x", "x", 02644).directory("var/mail", 02775); }, ""},
        CheckCase{"WorldWritable",
                  [](Linted& l) { l.tree.file("etc/x", "x", 0666).directory("opt/d", 0777); },
                  "warning world-writable /etc/x\nwarning world-writable /opt/d\n"},
        CheckCase{"WorldWritableIsFine",
                  [](Linted& l) {
                      l.tree.directory("var/tmp", 01777).link("etc/link", "x").directory("run/lock", 0777);
                  },
                  ""}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Secrets, LintChecks,
    testing::Values(
        CheckCase{"HostKeys",
                  [](Linted& l) {
                      l.tree.file("etc/ssh/ssh_host_rsa_key", kKey)
                          .file("etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa A\n");
                      l.tree.file("etc/dropbear/dropbear_rsa_host_key", "binary");
                  },
                  "error host-keys /etc/ssh/ssh_host_rsa_key\nerror host-keys "
                  "/etc/dropbear/dropbear_rsa_host_key\n"},
        CheckCase{"MachineId", [](Linted& l) { l.tree.file("etc/machine-id", "0123\n"); },
                  "warning machine-id /etc/machine-id\n"},
        CheckCase{"NoMachineId", [](Linted& l) { l.tree.file("etc/machine-id", "uninitialized\n"); }, ""},
        CheckCase{"PrivateKeys",
                  [](Linted& l) {
                      l.tree.file("etc/ssl/a", "text\n-----BEGIN RSA PRIVATE KEY-----\r\n")
                          .file("opt/k.ppk", "PuTTY-User-Key-File-2: x\n");
                      l.tree.file("usr/share/me/id_ed25519", kKey).file("usr/local/etc/k", kKey);
                  },
                  "error private-keys /etc/ssl/a\nerror private-keys /opt/k.ppk\nerror private-keys "
                  "/usr/local/etc/k\n"
                  "error private-keys /usr/share/me/id_ed25519\n"},
        CheckCase{
            "NoPrivateKeys",
            [](Linted& l) {
                l.tree.file("etc/ssl/certs/ca.pem", "-----BEGIN CERTIFICATE-----\n")
                    .file("usr/lib/python3/test/key.pem", kKey);
                l.tree.file("etc/doc", "a line with -----BEGIN RSA PRIVATE KEY-----\n");
                l.tree.file("opt/id_rsa", "no key\n").file("etc/large", kKey).resize("etc/large", 2U << 20U);
            },
            ""},
        CheckCase{"Credentials",
                  [](Linted& l) {
                      add_var_service(l);
                      l.tree.file("root/.netrc", "machine x password y\n")
                          .file("root/.docker/config.json", "{\"auths\":{\"x\":{\"auth\":\"YTpi\"}}}");
                      l.tree.file("etc/ostree/auth.json", "{\"auths\":{\"x\":{\"auth\":\"YTpi\"}}}");
                  },
                  "warning var /var\nwarning credentials /etc/ostree/auth.json\nerror credentials "
                  "/root/.docker/config.json\n"
                  "error credentials /root/.netrc\n"},
        CheckCase{"CredentialsThatNoMachineReads",
                  [](Linted& l) {
                      l.tree.file("etc/containers/auth.json", "{\"auths\":{\"x\":{\"auth\":\"YTpi\"}}}");
                  },
                  "error credentials /etc/containers/auth.json\n"},
        CheckCase{
            "NoCredentials",
            [](Linted& l) {
                l.tree.file("etc/x.netrc", "password").file("opt/.docker/config.json", "{\"auths\":{}}");
            },
            ""}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Commit, CommitLintChecks,
    testing::Values(
        CheckCase{"GoodCommit", [](Linted&) {}, ""},
        CheckCase{
            "PlainCommit", [](Linted& l) { l.tree.directory("etc"); },
            "error layout \nerror etc /usr/etc\nwarning os-release /etc/os-release\nwarning boot-check \n"},
        CheckCase{"NoSysroot", [](Linted& l) { l.tree.remove("sysroot"); }, "error layout /sysroot\n"},
        CheckCase{"TwoKernelsInPlace",
                  [](Linted& l) { l.tree.file("usr/lib/modules/7.0/vmlinuz", bzimage()); },
                  "error kernel /usr/lib/modules/7.0/vmlinuz\n"},
        CheckCase{"KernelThatIsALink",
                  [](Linted& l) {
                      l.tree.remove("usr/lib/modules/6.6/vmlinuz")
                          .link("usr/lib/modules/6.6/vmlinuz", "initramfs.img");
                  },
                  "error kernel /usr/lib/modules/6.6/vmlinuz\n"},
        CheckCase{"NoModulesInPlace", [](Linted& l) { l.tree.remove("usr/lib/modules/6.6/kernel"); },
                  "warning modules /usr/lib/modules/6.6\n"},
        CheckCase{"NoInitramfsInPlace", [](Linted& l) { l.tree.remove("usr/lib/modules/6.6/initramfs.img"); },
                  "error initramfs /usr/lib/modules/6.6/vmlinuz\n"},
        CheckCase{"FactoryFiles",
                  [](Linted& l) { l.tree.file("usr/share/factory/var/roothome/.profile", "x"); },
                  "warning var /usr/share/factory/var\nwarning var-service /usr/share/factory/var\n"},
        CheckCase{"FilesBelowUsrEtc",
                  [](Linted& l) {
                      l.tree.link("usr/etc/runlevels/boot/gone", "/etc/init.d/gone")
                          .file("usr/etc/ssh/ssh_host_rsa_key", kKey);
                      l.tree.file("usr/etc/fstab", "/dev/sda1 / ext4 defaults 0 0\n")
                          .file("usr/etc/machine-id", "1\n");
                  },
                  "error fstab /usr/etc/fstab\nwarning runlevels /usr/etc/runlevels/boot/gone\n"
                  "error host-keys /usr/etc/ssh/ssh_host_rsa_key\nwarning machine-id /usr/etc/machine-id\n"}),
    name_of);

TEST(LintReport, KeepsTheFirstFindingsOfACheckAndCountsTheOthers) {
    Linted linted;
    make_good(linted.tree);
    for (int i = 0; i < 50; ++i) linted.tree.file(concat("etc/open", i), "x", 0666);
    const std::vector<image::Finding> findings = linted.findings();
    ASSERT_EQ(findings.size(), image::Findings::kMaxPerCheck + 1);
    EXPECT_EQ(findings.back().message, "and 30 more findings of this check");
    EXPECT_EQ(findings.back().check, "world-writable");
    EXPECT_EQ(findings.back().fix, "");
}

std::string fix_for(const std::string& path) {
    Linted linted;
    make_good(linted.tree);
    linted.tree.file(path, "x", 0666);
    const std::vector<image::Finding> findings = linted.findings();
    return findings.size() == 1 ? findings.front().fix : concat(findings.size(), " findings");
}

TEST(LintReport, QuotesPathsForTheShell) {
    EXPECT_EQ(fix_for("etc/plain.conf"), "RUN chmod o-w /etc/plain.conf");
    EXPECT_EQ(fix_for("etc/$(touch pwned).pem"), "RUN chmod o-w '/etc/$(touch pwned).pem'");
    EXPECT_EQ(fix_for("etc/a;b"), "RUN chmod o-w '/etc/a;b'");
    EXPECT_EQ(fix_for("etc/it's"), "RUN chmod o-w '/etc/it'\\''s'");
    EXPECT_EQ(fix_for("etc/`id` #"), "RUN chmod o-w '/etc/`id` #'");
}

TEST(LintReport, HasNoLineForAPathThatItCannotShow) {
    for (const char* path : {"etc/a\nRUN id", "etc/\x1bz", "etc/back\\slash"}) {
        const std::string fix = fix_for(path);
        EXPECT_TRUE(fix.starts_with("run chmod o-w in the Containerfile with a pattern that matches '/etc/"))
            << fix;
        EXPECT_EQ(fix.find('\n'), std::string::npos);
    }
}

TEST(LintReport, ShowsNamesOfTheImageEscaped) {
    Linted linted;
    make_good(linted.tree);
    linted.tree.link("etc/runlevels/default/\x1b[31m", "/etc/init.d/none").file("etc/\x1bz", "x", 0666);
    const std::vector<image::Finding> findings = linted.findings();
    ASSERT_EQ(summary_of(findings),
              "warning runlevels /etc/runlevels/default/\x1b[31m\nwarning world-writable /etc/\x1bz\n");
    for (const image::Finding& finding : findings) {
        EXPECT_EQ(finding.message.find('\x1b'), std::string::npos);
        EXPECT_EQ(finding.fix.find('\x1b'), std::string::npos);
    }
}

}  // namespace
}  // namespace osb::test
