# LemonLDAP::NG's portal as an OpenID provider, with its demonstration people, for starman:
#
#   OPTIONS='{"port":…,"folder":…,"client_id":…,…}' starman --listen 127.0.0.1:PORT portal.psgi
#
# What it keeps is in `folder`. Its one client is `client_id`, `client_secret`, `redirect_uris`,
# `post_logout_redirect_uris` and `logout_uri` (which a browser that is signed out loads in a frame: this version knows
# no back-channel logout).
use strict;
use warnings;
use Crypt::OpenSSL::RSA;
use Fcntl qw(:flock);
use File::Path qw(make_path);
use JSON qw(decode_json encode_json);
use Plack::Builder;

# A worker ends with the process that started it, however that ends.
require 'sys/syscall.ph';
use constant { PR_SET_PDEATHSIG => 1, SIGKILL => 9 };
syscall(SYS_prctl(), PR_SET_PDEATHSIG, SIGKILL);

my $options = decode_json($ENV{OPTIONS});
my $folder  = $options->{folder};
my $portal  = "http://127.0.0.1:$options->{port}/";
my $htdocs  = '/usr/share/lemonldap-ng/portal/htdocs';

sub configuration {
    my $key    = Crypt::OpenSSL::RSA->generate_key(2048);
    my @stored = map { { Directory => "$folder/$_", LockDirectory => "$folder/$_/lock" } } qw(sessions persistent oidc);
    make_path(map { $_->{LockDirectory} } @stored);
    return {
        cfgNum         => 1,
        cfgAuthor      => 'a test',
        cfgDate        => time,
        cfgVersion     => $Lemonldap::NG::Common::Conf::VERSION,
        domain         => '127.0.0.1',
        portal         => $portal,
        cookieName     => 'lemonldap',
        authentication => 'Demo',
        userDB         => 'Same',
        passwordDB     => 'Demo',
        locationRules  => { '127.0.0.1' => { default => 'accept' } },
        # Nobody reads letters in a picture, so that nothing need draw one.
        captcha                    => '::Main::Plugin',
        captcha_mail_enabled       => 0,
        captcha_register_enabled   => 0,
        portalDisplayRegister      => 0,
        portalDisplayResetPassword => 0,
        # The tests are many visitors in little time, of one address.
        requireToken                    => 0,
        bruteForceProtection            => 0,
        demoExportedVars                => { cn => 'cn', mail => 'mail', uid => 'uid' },
        multiValuesSeparator            => '; ',
        globalStorage                   => 'Apache::Session::File',
        globalStorageOptions            => $stored[0],
        persistentStorage               => 'Apache::Session::File',
        persistentStorageOptions        => $stored[1],
        oidcStorage                     => 'Apache::Session::File',
        oidcStorageOptions              => $stored[2],
        localSessionStorage             => 'Cache::FileCache',
        localSessionStorageOptions      => { namespace => 'sessions', cache_root => "$folder/cache" },
        issuerDBOpenIDConnectActivation => 1,
        oidcServiceMetaDataIssuer       => $portal,
        oidcServiceKeyIdSig             => 'portal-1',
        oidcServicePrivateKeySig        => $key->get_private_key_string,
        oidcServicePublicKeySig         => $key->get_public_key_x509_string,
        oidcRPMetaDataOptions => {
            web => {
                oidcRPMetaDataOptionsClientID               => $options->{client_id},
                oidcRPMetaDataOptionsClientSecret           => $options->{client_secret},
                oidcRPMetaDataOptionsRedirectUris           => join(' ', @{ $options->{redirect_uris} }),
                oidcRPMetaDataOptionsPostLogoutRedirectUris => join(' ', @{ $options->{post_logout_redirect_uris} }),
                oidcRPMetaDataOptionsLogoutUrl              => $options->{logout_uri},
                oidcRPMetaDataOptionsLogoutType             => 'front',
                oidcRPMetaDataOptionsLogoutSessionRequired  => 1,
                oidcRPMetaDataOptionsLogoutBypassConfirm    => 1,
                oidcRPMetaDataOptionsBypassConsent          => 1,
                oidcRPMetaDataOptionsRequirePKCE            => 1,
                oidcRPMetaDataOptionsRefreshToken           => 1,
                oidcRPMetaDataOptionsIDTokenForceClaims     => 1,
                oidcRPMetaDataOptionsIDTokenSignAlg         => 'RS256',
                oidcRPMetaDataOptionsUserIDAttr             => 'uid',
            },
        },
        oidcRPMetaDataExportedVars => {
            web => { name => 'cn', email => 'mail', preferred_username => 'uid', groups => 'groups;string;always' },
        },
        oidcRPMetaDataOptionsExtraClaims => { web => { groups => 'groups' } },
    };
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $text;
    close $file or die "$path: $!";
}

# Each worker comes by here; the first one writes the configuration.
make_path("$folder/conf", "$folder/cache");
open my $lock, '>', "$folder/lock" or die "$folder/lock: $!";
flock $lock, LOCK_EX or die "$folder/lock: $!";
$ENV{LLNG_DEFAULTCONFFILE} = "$folder/lemonldap-ng.ini";
require Lemonldap::NG::Common::Conf;
unless (-e $ENV{LLNG_DEFAULTCONFFILE}) {
    write_file("$folder/conf/lmConf-1.json", encode_json(configuration()));
    write_file($ENV{LLNG_DEFAULTCONFFILE}, <<"INI");
[all]
logLevel = warn
[configuration]
type = File
dirName = $folder/conf
localStorage = Cache::FileCache
localStorageOptions = { 'namespace' => 'config', 'cache_root' => '$folder/cache' }
[portal]
staticPrefix = /static
templateDir = /usr/share/lemonldap-ng/portal/templates
languages = en
INI
}
close $lock;

require Lemonldap::NG::Portal::Main;
my $app = Lemonldap::NG::Portal::Main->run({});
builder {
    enable 'Static', path => qr{^/static/}, root => $htdocs;
    $app;
};
