<?php
$options = json_decode(file_get_contents(getenv('SAML_FOLDER') . '/options.json'), true);
$config = [
    'people' => ['exampleauth:UserPass'] + $options['users'],
    'admin' => ['core:AdminPassword'],
];
