#!/bin/sh
# Puts the secrets from the environment into the configuration, then becomes Asterisk.
set -eu

put() { # put PLACEHOLDER VARIABLE FILE
    value=$(printenv "$2" || true)
    case $value in
    '') echo "$2 is not set" >&2 && exit 1 ;;
    *[!A-Za-z0-9_.-]*) echo "$2: only letters, digits and _ . - are allowed" >&2 && exit 1 ;;
    esac
    sed -i "s/$1/$value/" "/etc/asterisk/$3"
}

put change-this-ari-password CALLGUARD_ARI_PASSWORD ari_callguard.conf
put change-this-ami-secret CALLGUARD_AMI_SECRET manager_callguard.conf
put change-this-phone-password PHONE_PASSWORD pjsip.conf
exec asterisk -f -n
