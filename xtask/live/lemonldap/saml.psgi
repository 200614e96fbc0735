# LemonLDAP::NG's portal as a SAML identity provider, with its demonstration people, for starman:
#
#   OPTIONS='{"port":…,"folder":…,"key":…,"certificate":…,"sps":{…},…}' starman --listen 127.0.0.1:PORT saml.psgi
#
# What it keeps is in `folder`, but for what OPTIONS say, which is written there anew at each start:
#   key, certificate           PEM texts of what it signs with (and decrypts with)
#   sps                        {NAME: {"metadata": XML text, "options": {samlSPMetaDataOptions… without that prefix}}}
#   service                    more keys of the configuration, as samlServiceSignatureMethod
use strict;
use warnings;
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
    my @stored = map { { Directory => "$folder/$_", LockDirectory => "$folder/$_/lock" } } qw(sessions persistent saml);
    make_path(map { $_->{LockDirectory} } @stored);
    my %sps = %{ $options->{sps} };
    return {
        cfgNum         => 1,
        cfgAuthor      => 'a test',
        cfgDate        => time,
        cfgVersion     => $Lemonldap::NG::Common::Conf::VERSION,
        domain         => '127.0.0.1',
        portal         => $portal,
        cookieName     => 'lemonldap',
        # With SAML it would say None, which a browser takes over TLS alone.
        sameSite       => 'Lax',
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
        requireToken               => 0,
        bruteForceProtection       => 0,
        # A worker otherwise goes by what it read of a session up to 15 seconds ago, and does not find the person that
        # another worker has signed in at a service provider since: `SLO request is not valid`.
        handlerInternalCache       => 0,
        # A sign-in is never too young to be asked for again (the default is 5 seconds).
        portalForceAuthnInterval   => 0,
        demoExportedVars           => { cn => 'cn', mail => 'mail', uid => 'uid' },
        multiValuesSeparator       => '; ',
        globalStorage              => 'Apache::Session::File',
        globalStorageOptions       => $stored[0],
        persistentStorage          => 'Apache::Session::File',
        persistentStorageOptions   => $stored[1],
        samlStorage                => 'Apache::Session::File',
        samlStorageOptions         => $stored[2],
        localSessionStorage        => 'Cache::FileCache',
        localSessionStorageOptions => { namespace => 'sessions', cache_root => "$folder/cache" },
        issuerDBSAMLActivation     => 1,
        samlServicePrivateKeySig   => $options->{key},
        samlServicePublicKeySig    => $options->{certificate},
        # Without this, KeyInfo holds a bare RSAKeyValue and no certificate.
        samlServiceUseCertificateInResponse => 1,
        samlServiceSignatureMethod          => 'RSA_SHA256',
        samlSPMetaDataXML     => { map { $_ => { samlSPMetaDataXML => $sps{$_}{metadata} } } keys %sps },
        samlSPMetaDataOptions => {
            map {
                my %given = (
                    NameIDFormat              => 'persistent',
                    SignSSOMessage            => 1,
                    SignSLOMessage            => 1,
                    CheckSSOMessageSignature  => 1,
                    CheckSLOMessageSignature  => 1,
                    EncryptionMode            => 'none',
                    EnableIDPInitiatedURL     => 1,
                    ForceUTF8                 => 1,
                    %{ $sps{$_}{options} // {} },
                );
                ($_ => { map { ("samlSPMetaDataOptions$_" => $given{$_}) } keys %given });
            } keys %sps
        },
        # session key => mandatory;name;format;friendly name
        samlSPMetaDataExportedAttributes => {
            map { $_ => { uid => '1;uid;;', mail => '1;email;;', groups => '0;groups;;' } } keys %sps
        },
        %{ $options->{service} // {} },
    };
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $text;
    close $file or die "$path: $!";
}

# Each worker comes by here; the first one of a start writes the configuration.
make_path("$folder/conf", "$folder/cache");
open my $lock, '>', "$folder/lock" or die "$folder/lock: $!";
flock $lock, LOCK_EX or die "$folder/lock: $!";
$ENV{LLNG_DEFAULTCONFFILE} = "$folder/lemonldap-ng.ini";
require Lemonldap::NG::Common::Conf;
my $written = "$folder/written-by-" . getppid();
unless (-e $written) {
    write_file("$folder/conf/lmConf-1.json", encode_json(configuration()));
    File::Path::remove_tree("$folder/cache/config");
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
    write_file($written, '');
}
close $lock;

require Lemonldap::NG::Portal::Main;
my $app = Lemonldap::NG::Portal::Main->run({});
builder {
    enable 'Static', path => qr{^/static/}, root => $htdocs;
    $app;
};
