// osb-oci sign, verify: signatures of images.
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/options/key_files.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/shared_arguments.hh"
#include "cli/options/verb.hh"
#include "cli/output/format.hh"
#include "cli/output/json_output.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "registry/transports/open_source.hh"
#include "registry/trust/sign_image.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

class SignVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            image_argument(image_),
            {.name = "--key",
             .value = "FILE",
             .kind = ValueKind::file,
             .help = "private key in PEM",
             .required = true,
             .target = &key_},
            {.name = "--passphrase-file",
             .value = "FILE",
             .kind = ValueKind::file,
             .help = "file whose first line is the passphrase of the key",
             .target = &passphrase_},
            {.name = "--identity",
             .value = "HOST/NAME:TAG",
             .help = "name in the signature, which policies compare with that of the image",
             .default_shown = "the name of the image",
             .target = &options_.identity},
        });
        registry_.declare_access(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& /*options*/, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.sign_image(image_);
        return plan.take();
    }

    void run(Session& session) override {
        const oci::Reference reference = oci::Reference::parse(image_);
        const registry::PrivateKey key = read_private_key(key_, passphrase_);
        const auto signed_ones = registry::sign_image(reference, key, options_, registry_.options());
        if (!session.options.json) {
            for (const registry::SignedManifest& one : signed_ones) {
                session.note(concat(one.digest.short_string(),
                                    one.added ? " is signed" : " was signed before", " as ",
                                    osb::quoted(one.identity)));
            }
            session.print(signed_ones.front().digest.to_string() + '\n');
            return;
        }
        OrderedJson list = OrderedJson::array();
        for (const registry::SignedManifest& one : signed_ones)
            list.push_back({{"digest", one.digest.to_string()}, {"added", one.added}});
        session.print(to_document({{"schema", 1},
                                   {"image", reference.to_string()},
                                   {"digest", signed_ones.front().digest.to_string()},
                                   {"identity", signed_ones.front().identity},
                                   {"manifests", std::move(list)}}));
    }

  private:
    std::string image_;
    std::string key_;
    std::string passphrase_;
    registry::SignOptions options_;
    RegistryFlags registry_;
};

class VerifyVerb final : public Verb {
  public:
    void declare(Arguments& arguments) override {
        arguments.add({
            image_argument(image_),
            platform_argument(platform_),
            {.name = "--key",
             .value = "FILE",
             .kind = ValueKind::file,
             .help = "public key in PEM",
             .required = true,
             .target = &key_},
        });
        registry_.declare_access(arguments);
    }

    std::optional<SandboxRules> sandbox(const CommonOptions& /*options*/, const Io& /*io*/) const override {
        image::SandboxPlan plan;
        plan.read_image(image_);
        return plan.take();
    }

    void run(Session& session) override {
        const oci::Reference reference = oci::Reference::parse(image_);
        std::optional<oci::Platform> platform;
        if (!platform_.empty()) platform = oci::Platform::parse(platform_);
        const registry::PublicKey key = read_public_key(key_);
        const registry::RegistryOptions options = registry_.options();
        const oci::Image image =
            oci::open_image(registry::open_source(reference, platform, options), platform);
        const oci::Digest& digest = image.manifest.digest;
        const auto claims = registry::signatures_by(key, reference, digest, options);
        if (claims.empty()) {
            throw Error(ErrorKind::untrusted,
                        concat("image ", osb::quoted(reference.to_string()), " (", digest.short_string(),
                               ") has no signature by this key"));
        }
        if (session.options.json) return print_json(session, reference, digest, claims);
        for (const registry::ImageClaim& claim : claims) {
            session.note(concat(claim.reference ? concat("signed as ", osb::quoted(*claim.reference))
                                                : "signed without a name: it proves the digest only",
                                claim.timestamp ? concat(", ", format_time(*claim.timestamp)) : ""));
        }
        session.print(digest.to_string() + '\n');
    }

  private:
    static void print_json(const Session& session, const oci::Reference& reference, const oci::Digest& digest,
                           const std::vector<registry::ImageClaim>& claims) {
        OrderedJson list = OrderedJson::array();
        for (const registry::ImageClaim& claim : claims) {
            list.push_back(
                {{"identity", claim.reference ? OrderedJson(*claim.reference) : OrderedJson(nullptr)},
                 {"timestamp", claim.timestamp ? OrderedJson(*claim.timestamp) : OrderedJson(nullptr)}});
        }
        session.print(to_document({{"schema", 1},
                                   {"image", reference.to_string()},
                                   {"digest", digest.to_string()},
                                   {"signatures", std::move(list)}}));
    }

    std::string image_;
    std::string platform_;
    std::string key_;
    RegistryFlags registry_;
};

}  // namespace

constexpr auto kSignExamples = std::to_array<std::string_view>({
    "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out site.key",
    "openssl pkey -in site.key -pubout -out site.pub",
    "osb-oci sign --key site.key docker://registry.example.com/os:stable",
    "osb-oci sign --key site.key --identity registry.example.com/os:stable oci:out:v1",
});

const VerbEntry kSignVerb{
    .name = "sign",
    .summary = "Sign an image",
    .description =
        "Adds a signature that cosign, podman and skopeo verify. It is stored in the registry or the "
        "layout, beside the image, as sha256-DIGEST.sig. For an index, each of its images is signed, too. "
        "Signing twice with one key adds nothing. The digest goes to standard output.",
    .examples = kSignExamples,
    .related = {"verify", "push"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<SignVerb>(); },
};

constexpr auto kVerifyExamples = std::to_array<std::string_view>({
    "osb-oci verify --key site.pub docker://registry.example.com/os:stable",
    "osb-oci verify --key site.pub --json oci:out:v1",
});

const VerbEntry kVerifyVerb{
    .name = "verify",
    .summary = "Verify the signature of an image with a key",
    .description =
        "Checks that the image has a signature by this key, and prints the digest that was signed. Bundles "
        "of "
        "cosign 3 are read, too; attestations are not signatures. The name in the signature is shown, but "
        "not "
        "compared: a policy does that (--policy of the verbs that read images). A bundle may have no name, "
        "and "
        "proves the digest only. The exit status is 4 if there is no such signature.",
    .examples = kVerifyExamples,
    .related = {"sign", "inspect", "import"},
    .uses_repository = false,
    .make = []() -> std::unique_ptr<Verb> { return std::make_unique<VerifyVerb>(); },
};

}  // namespace osb::cli
