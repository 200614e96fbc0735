<?php
// SimpleSAMLphp 1.19 as an identity provider on loopback. What it keeps, and options.json, which every request reads
// anew, are in the folder that SAML_FOLDER names. Options:
//   port      where php -S listens
//   users     {"alice:alice-password": {"uid": ["alice"], "email": [...], "groups": [...]}, ...}
//   idp       more keys of saml20-idp-hosted (privatekey and certificate are files in the folder)
//   encryption  instead of AES128_CBC, which is all that this version has: AES128_GCM, AES256_GCM, …
//   sps       {"ENTITY-ID": {keys of saml20-sp-remote; "xml": a file of metadata in the folder that they override}}
$folder = getenv('SAML_FOLDER');
$options = json_decode(file_get_contents("$folder/options.json"), true, 512, JSON_THROW_ON_ERROR);
foreach (['sessions', 'tmp', 'data', 'log'] as $one) {
    if (!is_dir("$folder/$one")) {
        mkdir("$folder/$one", 0700, true);
    }
}
require_once __DIR__ . '/gcm.php';
$config = [
    'baseurlpath' => "http://127.0.0.1:{$options['port']}/",
    'certdir' => "$folder/",
    'loggingdir' => "$folder/log/",
    'datadir' => "$folder/data/",
    'tempdir' => "$folder/tmp",
    'metadatadir' => __DIR__ . '/metadata/',
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'secretsalt' => 'a salt that only tests know',
    'auth.adminpassword' => 'a password that only tests know',
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',
    // ReturnTo may name any host.
    'trusted.url.domains' => null,
    'admin.checkforupdates' => false,
    'showerrors' => true,
    'errorreporting' => false,
    'debug' => ['saml' => false, 'backtraces' => true, 'validatexml' => false],
    // To standard error, which `Peer::logging` has in a file.
    'logging.handler' => 'errorlog',
    'logging.level' => SimpleSAML\Logger::INFO,
    'enable.saml20-idp' => true,
    // What the browser is posted over http goes out in a plain form.
    'enable.http_post' => false,
    'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
    'session.duration' => 8 * 3600,
    'session.cookie.name' => 'SimpleSAMLSessionID',
    'session.cookie.path' => '/',
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.cookiename' => 'SimpleSAML',
    'session.phpsession.savepath' => "$folder/sessions",
    'session.phpsession.httponly' => true,
    'session.authtoken.cookiename' => 'SimpleSAMLAuthToken',
    'language.default' => 'en',
    'language.available' => ['en'],
    'language.cookie.secure' => false,
    'language.cookie.samesite' => null,
    'theme.use' => 'default',
    'production' => true,
    'authproc.idp' => [],
    'authproc.sp' => [],
    'metadata.sources' => [['type' => 'flatfile']],
    'store.type' => 'phpsession',
    'proxy' => null,
];
